package kafka

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A member whose leader died while it shared out the partitions must get them
// when it asks again, and before its client loses patience.
func TestAGroupWhoseLeaderDiesGoesOn(t *testing.T) {
	broker, err := Start(Options{Dir: t.TempDir(), Partitions: 1, Topics: []string{"events"}})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	leader, other := newMember(t, broker), newMember(t, broker)

	leader.join(t.Context(), t)
	leader.sync(t.Context(), t)
	joined := make(chan struct{})
	go func() {
		defer close(joined)
		other.join(t.Context(), t)
	}()
	// The leader comes back as soon as it hears that there is another one, and dies
	// before it has said who gets what. It dies last, so that the other one waits in vain.
	for !errors.Is(leader.heartbeat(t.Context(), t), kerr.RebalanceInProgress) {
	}
	leader.join(t.Context(), t)
	<-joined
	waiting, giveUp := context.WithCancel(t.Context())
	gaveUp := make(chan struct{})
	go func() {
		defer close(gaveUp)
		_ = other.trySync(waiting) // is not answered
	}()
	for other.described(t.Context(), t) && leader.heartbeat(t.Context(), t) == nil {
	}
	giveUp()
	<-gaveUp

	other.id = ""
	soon, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	other.join(soon, t)
	other.sync(soon, t)
}

// member is one of the group, as a client's library is.
type member struct {
	id         string
	generation int32
	client     *kgo.Client
}

func newMember(t *testing.T, broker *kfake.Cluster) *member {
	c, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &member{client: c}
}

func (m *member) join(ctx context.Context, t *testing.T) {
	for {
		r := kmsg.NewPtrJoinGroupRequest()
		r.Group, r.MemberID, r.ProtocolType = "group", m.id, "consumer"
		r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = 6000, 60000 // kfake's least; sarama's
		r.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "sticky"}}
		answer, err := r.RequestWith(ctx, m.client)
		if err == nil {
			err = kerr.ErrorForCode(answer.ErrorCode)
			m.id, m.generation = answer.MemberID, answer.Generation
		}
		if errors.Is(err, kerr.MemberIDRequired) {
			continue
		}
		if err != nil {
			t.Errorf("join: %v", err)
		}
		return
	}
}

func (m *member) sync(ctx context.Context, t *testing.T) {
	t.Helper()
	if err := m.trySync(ctx); err != nil {
		t.Errorf("sync: %v", err)
	}
}

func (m *member) trySync(ctx context.Context) error {
	r := kmsg.NewPtrSyncGroupRequest()
	r.Group, r.MemberID, r.Generation = "group", m.id, m.generation
	r.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: m.id, MemberAssignment: []byte("all")}}
	answer, err := r.RequestWith(ctx, m.client)
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

func (m *member) heartbeat(ctx context.Context, t *testing.T) error {
	r := kmsg.NewPtrHeartbeatRequest()
	r.Group, r.MemberID, r.Generation = "group", m.id, m.generation
	answer, err := r.RequestWith(ctx, m.client)
	if err != nil {
		t.Fatalf("heartbeat: %v", err)
	}
	return kerr.ErrorForCode(answer.ErrorCode)
}

// described reports whether the group still has the member.
func (m *member) described(ctx context.Context, t *testing.T) bool {
	r := kmsg.NewPtrDescribeGroupsRequest()
	r.Groups = []string{"group"}
	answer, err := r.RequestWith(ctx, m.client)
	if err != nil {
		t.Fatalf("describe: %v", err)
	}
	for _, d := range answer.Groups[0].Members {
		if d.MemberID == m.id {
			return true
		}
	}
	return false
}
