package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// soon is less than the patience of Dapr's component, which then asks again.
const soon = 25 * time.Second

func start(t *testing.T) *Broker {
	broker, err := Start(Options{Dir: t.TempDir(), Partitions: 1, Topics: []string{"events"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	return broker
}

// A member whose leader died before it shared out the partitions must get them
// when it asks again.
func TestAGroupWhoseLeaderDiesGoesOn(t *testing.T) {
	broker := start(t)
	leader, other := newReader(t, broker), newReader(t, broker)

	leader.lead(t)
	joined := other.joins(t)
	leader.returns(t)
	<-joined
	waiting, giveUp := context.WithCancel(t.Context())
	gaveUp := make(chan struct{})
	go func() {
		defer close(gaveUp)
		_ = other.sync(waiting) // is not answered
	}()
	for other.isMember(t) && leader.heartbeat(t) == nil { // the leader dies last
	}
	giveUp()
	<-gaveUp

	other.id = ""
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	if err := errors.Join(other.join(ctx), other.sync(ctx)); err != nil {
		t.Errorf("join and sync: %v", err)
	}
}

// Nobody keeps partitions who died while it waited for them.
func TestAMemberThatDiesWhileItJoinsIsForgotten(t *testing.T) {
	broker := start(t)
	leader, dying := newReader(t, broker), newReader(t, broker)

	leader.lead(t)
	joined := dying.joins(t)
	for !errors.Is(leader.heartbeat(t), kerr.RebalanceInProgress) {
	}
	dying.client.Close()
	<-joined
	for noticed := time.Now().Add(time.Second); time.Now().Before(noticed); _ = leader.heartbeat(t) {
	}
	if err := errors.Join(leader.join(t.Context()), leader.sync(t.Context())); err != nil {
		t.Fatal(err)
	}
	if members := leader.members(t); len(members) != 2 {
		t.Fatalf("the members are %v: nobody died while it joined", members)
	}
	for end := time.Now().Add(soon); len(leader.members(t)) != 1; _ = leader.heartbeat(t) {
		if time.Now().After(end) {
			t.Fatalf("the members are %v", leader.members(t))
		}
	}
}

// reader is a member of the group, as the library of a client is.
type reader struct {
	member
	generation int32
	client     *kgo.Client
}

func newReader(t *testing.T, broker *Broker) *reader {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Address()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &reader{member: member{group: "group"}, client: client}
}

// lead makes the reader the only one of the group.
func (r *reader) lead(t *testing.T) {
	t.Helper()
	if err := errors.Join(r.join(t.Context()), r.sync(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// joins has the reader join, and says when it has.
func (r *reader) joins(t *testing.T) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.join(t.Context()); err != nil && !errors.Is(err, kgo.ErrClientClosed) {
			t.Errorf("join: %v", err)
		}
	}()
	return done
}

// returns has the reader join again when it hears that there is another one.
func (r *reader) returns(t *testing.T) {
	t.Helper()
	for !errors.Is(r.heartbeat(t), kerr.RebalanceInProgress) {
	}
	if err := r.join(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (r *reader) join(ctx context.Context) error {
	for {
		join := kmsg.NewPtrJoinGroupRequest()
		join.Group, join.MemberID, join.ProtocolType = r.group, r.id, "consumer"
		join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = 6000, 60000 // kfake's least; that of Dapr's component
		join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "sticky"}}
		answer, err := join.RequestWith(ctx, r.client)
		if err != nil {
			return err
		}
		r.id, r.generation = answer.MemberID, answer.Generation
		if err := kerr.ErrorForCode(answer.ErrorCode); !errors.Is(err, kerr.MemberIDRequired) {
			return err
		}
	}
}

// sync gives all to the reader, if it leads.
func (r *reader) sync(ctx context.Context) error {
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.Generation = r.group, r.id, r.generation
	sync.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: r.id, MemberAssignment: []byte("all")}}
	answer, err := sync.RequestWith(ctx, r.client)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return err
	}
	if string(answer.MemberAssignment) != "all" {
		return fmt.Errorf("got %q", answer.MemberAssignment)
	}
	return nil
}

func (r *reader) heartbeat(t *testing.T) error {
	t.Helper()
	beat := kmsg.NewPtrHeartbeatRequest()
	beat.Group, beat.MemberID, beat.Generation = r.group, r.id, r.generation
	answer, err := beat.RequestWith(t.Context(), r.client)
	if err != nil {
		t.Fatalf("heartbeat: %v", err)
	}
	return kerr.ErrorForCode(answer.ErrorCode)
}

// members are those of the group.
func (r *reader) members(t *testing.T) (ids []string) {
	t.Helper()
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Groups = []string{r.group}
	answer, err := describe.RequestWith(t.Context(), r.client)
	if err != nil {
		t.Fatalf("describe: %v", err)
	}
	for _, m := range answer.Groups[0].Members {
		ids = append(ids, m.MemberID)
	}
	return ids
}

func (r *reader) isMember(t *testing.T) bool {
	t.Helper()
	return slices.Contains(r.members(t), r.id)
}
