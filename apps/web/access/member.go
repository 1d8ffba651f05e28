package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
)

// Member is who shows an organiser's credential.
type Member struct {
	Organisation     uuid.UUID
	OrganisationName string
	// ID is uuid.Nil for the holder of organiser-token, who acts as an owner of the main
	// organisation.
	ID    uuid.UUID
	Name  string
	Owner bool
}

// Actor is the member as commands name them.
func (m Member) Actor() contracts.Actor {
	return contracts.Actor{Organisation: m.Organisation, Member: m.ID}
}

// Who is in which role somebody asks and, of an Organiser, as which member.
type Who struct {
	Caller Caller
	Member Member
}

// holderOfToken is who shows the secret organiser-token.
func holderOfToken() Member {
	return Member{Organisation: contracts.MainOrganisation, OrganisationName: contracts.MainName, Owner: true}
}

// Issued is what is known of a member's credential.
type Issued struct {
	Member
	Hash string // see HashOf
}

// A member's credential has three parts in base64url after the word: the organisation's
// id and the credential's, by which it is found, and the secret, 256 bits, of which only
// the hash is kept.
var memberForm = regexp.MustCompile(`^member\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$`)

// MemberCredential is a credential as its member gets it, once.
func MemberCredential(organisation, id uuid.UUID, secret string) string {
	return "member." + encode(organisation[:]) + "." + encode(id[:]) + "." + secret
}

// NewMemberSecret makes the secret part of a member's credential.
func NewMemberSecret() string {
	return encode(append(random(), random()...)[:sha256.Size])
}

// MemberSecretOf makes the secret part of a credential that is issued with an
// Idempotency-Key, as SecretOf does for an order.
func MemberSecretOf(key []byte, commandID uuid.UUID) string {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte("plenary: secret of a member\n")) // a hash takes everything
	_, _ = mac.Write(commandID[:])
	return encode(mac.Sum(nil))
}

// HashOf is what is kept of the secret part of a member's credential. It has 256 random
// bits, so it needs no salt and no slow hash.
func HashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func memberCredential(given string) (organisation, id uuid.UUID, secret string, ok bool) {
	parts := memberForm.FindStringSubmatch(given)
	if parts == nil {
		return uuid.Nil, uuid.Nil, "", false
	}
	for i, into := range []*uuid.UUID{&organisation, &id} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i+1])
		if err != nil || len(b) != len(into) {
			return uuid.Nil, uuid.Nil, "", false
		}
		*into = uuid.UUID(b)
	}
	return organisation, id, parts[3], true
}

// rememberedFor is how long a credential that was right is not looked up again: so much
// longer one that was revoked opens something. A stream looks again each recheck.
const (
	rememberedFor = 20 * time.Second
	rememberedAt  = 10_000 // credentials at most
)

// remembered are members' credentials that were right of late.
type remembered struct {
	mu   sync.Mutex
	by   map[[sha256.Size]byte]rememberedMember
	long time.Duration
}

type rememberedMember struct {
	member Member
	until  time.Time
}

func (r *remembered) get(key [sha256.Size]byte) (Member, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.by[key]
	return m.member, ok && time.Now().Before(m.until)
}

func (r *remembered) put(key [sha256.Size]byte, m Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.by) >= rememberedAt {
		clear(r.by)
	}
	r.by[key] = rememberedMember{m, time.Now().Add(r.long)}
}

// member says whose a member's credential is. What it costs to find out that it is
// nobody's does not depend on which part of it is wrong.
func (a *Access) member(ctx context.Context, given string) (Who, error) {
	organisation, id, secret, ok := memberCredential(given)
	if !ok || a.Credential == nil {
		return Who{}, nil
	}
	key := sha256.Sum256([]byte(given))
	if m, ok := a.members.get(key); ok {
		return Who{Organiser, m}, nil
	}
	holder, found, err := a.Credential(ctx, organisation, id)
	if err != nil {
		return Who{}, fmt.Errorf("access: look a credential up: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(HashOf(secret)), []byte(holder.Hash)) != 1 || !found {
		return Who{}, nil
	}
	a.members.put(key, holder.Member)
	return Who{Organiser, holder.Member}, nil
}
