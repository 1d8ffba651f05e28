package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sessions ends the sessions of silent members. kfake does so too, but not for a member
// whose connection ended while it waited to join: it would stay a member for ever, and
// its partitions would not be read.
type sessions struct {
	mutex   sync.Mutex
	members map[member]session
}

type member struct{ group, id string }

type session struct {
	lasts time.Duration // after the member was heard of
	ends  time.Time
}

// watch hears what members say to a broker, until the context ends.
func watch(ctx context.Context, broker *kfake.Cluster) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...))
	if err != nil {
		return err
	}
	s := &sessions{members: map[member]session{}}
	for _, key := range []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat} {
		broker.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
			s.hear(r)
			return nil, nil, false // kfake answers
		})
	}
	go func() {
		defer client.Close()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			for _, m := range s.ended() {
				leave := kmsg.NewPtrLeaveGroupRequest()
				leave.Group = m.group
				leave.Members = []kmsg.LeaveGroupRequestMember{{MemberID: m.id}}
				// One that has left, or whose session kfake has ended, is unknown by now.
				_, _ = leave.RequestWith(ctx, client)
			}
		}
	}()
	return nil
}

// hear notes that a member is alive.
func (s *sessions) hear(r kmsg.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var m member
	switch r := r.(type) {
	case *kmsg.JoinGroupRequest:
		m = member{r.Group, r.MemberID}
		if m.id == "" { // is given one, and asks again
			return
		}
		s.members[m] = session{lasts: time.Duration(r.SessionTimeoutMillis) * time.Millisecond}
	case *kmsg.SyncGroupRequest:
		m = member{r.Group, r.MemberID}
	case *kmsg.HeartbeatRequest:
		m = member{r.Group, r.MemberID}
	}
	if known, ok := s.members[m]; ok {
		known.ends = time.Now().Add(known.lasts)
		s.members[m] = known
	}
}

// ended forgets the members whose session is over.
func (s *sessions) ended() (members []member) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for m, known := range s.members {
		if time.Now().After(known.ends) {
			members = append(members, m)
			delete(s.members, m)
		}
	}
	return members
}
