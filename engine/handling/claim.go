package handling

import (
	"context"
	"fmt"

	"github.com/plenary/plenary/engine/state"
)

// claim makes owner the owner of each key that has none, and says whose each is.
func (e *Engine) claim(ctx context.Context, tenant string, keys []string, owner string) (map[string]string, error) {
	names := make([]string, len(keys))
	writes := make([]state.Write, len(keys))
	for i, k := range keys {
		names[i] = tenant + "/claim/" + k
		writes[i] = state.Write{Key: names[i], Value: []byte(owner)}
	}
	e.keys.Save(ctx, writes) // who lost is seen by looking
	got, err := e.keys.Get(ctx, names)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errInfrastructure, err)
	}
	out := make(map[string]string, len(keys))
	for i, k := range keys {
		entry, ok := got[names[i]]
		if !ok {
			return nil, fmt.Errorf("%w: %s could not be claimed", errInfrastructure, k)
		}
		out[k] = string(entry.Value)
	}
	return out, nil
}
