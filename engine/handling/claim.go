package handling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
)

// claimed is what the store keeps of a claimed key.
type claimed struct {
	// Owner is the stream that has the key: "conference/6f2c…".
	Owner string `json:"owner"`
	// Message is the id of the command for which the owner claimed it last.
	Message string `json:"message"`
}

// claims claims the keys that a message asks for, and says who owns each. First it
// is tried as if they were granted: a command that is refused anyway takes nothing.
func (e *Engine) claims(ctx context.Context, env es.Env, st *stream.Stream, it *item) (map[string]string, error) {
	keys := it.def.claims(it.Message.Body)
	if len(keys) == 0 {
		return nil, nil
	}
	owner := st.Key.Ref.String()
	env.Claims = map[string]string{}
	for _, k := range keys {
		env.Claims[k] = owner
	}
	changes, err := it.def.changes(env, st.State, it.Message.Body)
	if err != nil || !changes {
		return env.Claims, err
	}
	owned := it.def.owns(st.State)
	keys = slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return slices.Contains(owned, k) })
	got, err := e.claim(ctx, st.Key.Tenant, keys, claimed{Owner: owner, Message: it.Message.ID})
	if err != nil {
		return nil, err
	}
	for k, other := range got {
		env.Claims[k] = other
	}
	return env.Claims, nil
}

// claim claims each key for the claimant, and says whose each is then. A key has no
// owner yet, or has been the claimant's for another command, or has to be freed: each is
// one compare-and-swap, after which the key is looked at again unless it is known to
// have succeeded.
//
// That the claimant notes its newest command, before that is decided, is what makes it
// safe to take a key over: another stream that has read the key before finds it changed,
// and one that reads it afterwards finds a command that is not handled yet.
func (e *Engine) claim(ctx context.Context, tenant string, keys []string, claimant claimed) (map[string]string, error) {
	out := make(map[string]string, len(keys))
	value, err := json.Marshal(claimant)
	if err != nil {
		return nil, err
	}
	for range maxRounds {
		open := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { _, known := out[k]; return known })
		if len(open) == 0 {
			return out, nil
		}
		names := make([]string, len(open))
		for i, k := range open {
			names[i] = tenant + "/claim/" + k
		}
		got, err := e.keys.Get(ctx, names)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errInfrastructure, err)
		}
		var writes []state.Write
		var of []string
		for i, k := range open {
			entry, found := got[names[i]]
			if found {
				var by claimed
				if err := json.Unmarshal(entry.Value, &by); err != nil {
					return nil, fmt.Errorf("claim of %s: %w", k, err)
				}
				free := by.Owner == claimant.Owner
				if !free {
					if free, err = e.isFree(ctx, tenant, k, by); err != nil {
						return nil, err
					}
				}
				if !free || by == claimant {
					out[k] = by.Owner
					continue
				}
				if by.Owner != claimant.Owner {
					slog.InfoContext(ctx, "key taken over: its owner does not have it any more", "key", k, "from", by.Owner, "to", claimant.Owner)
				}
			}
			writes, of = append(writes, state.Write{Key: names[i], Value: value, ETag: entry.ETag}), append(of, k)
		}
		for i, err := range e.keys.Save(ctx, writes) {
			if err == nil {
				out[of[i]] = claimant.Owner
			}
		}
	}
	return nil, fmt.Errorf("%w: %s could not be claimed", errInfrastructure, strings.Join(keys, ", "))
}

// isFree says whether a key may be taken from its owner: the owner has handled the
// command for which it claimed the key, or that was discarded, and it does not own the
// key. While anything of the owner is parked or kept back, that command may still be
// decided.
func (e *Engine) isFree(ctx context.Context, tenant, key string, by claimed) (bool, error) {
	aggregate, id, _ := strings.Cut(by.Owner, "/")
	def := e.definition(aggregate)
	if def == nil || !def.releases() {
		return false, nil
	}
	st, err := e.streams.Look(ctx, stream.Request{Key: stream.Key{Tenant: tenant, Ref: es.Ref{Aggregate: aggregate, ID: id}}, Folder: def})
	switch {
	case errors.Is(err, stream.ErrCorrupt), errors.Is(err, stream.ErrNotYet), errors.Is(err, stream.ErrTooOld):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%w: %w", errInfrastructure, err)
	}
	return st.HasHandled(by.Message) && !st.IsParked() && len(st.Held()) == 0 && !slices.Contains(def.owns(st.State), key), nil
}
