package main

import (
	"strings"
	"testing"

	"github.com/plenary/plenary/tools/local/components"
	"github.com/plenary/plenary/tools/servers"
)

// A Kafka is always installed, since ours is in this program.
func TestAServerIsStartedOnlyWhereNoneAnswers(t *testing.T) {
	running, ended := listen(t), listen(t)
	_ = ended.Close()
	for name, test := range map[string]struct {
		brokers, says, fails string
	}{
		"one answers":                {brokers: running.Addr().String(), says: "already running"},
		"none does":                  {brokers: ended.Addr().String(), says: "started for this run"},
		"none on another machine":    {brokers: "kafka.invalid:9092", fails: "kafka does not answer at kafka.invalid:9092"},
		"no port that one could use": {brokers: "127.0.0.1", fails: "does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &system{root: t.TempDir(), set: components.Set{Name: "one", Secrets: components.Secrets{"kafka-brokers": test.brokers}}}
			needed, err := s.servers(t.Context())
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("got %v, want an error that says %q", err, test.fails)
				}
				return
			}
			if err != nil || len(needed) != 1 || needed[0].name != servers.Kafka || !strings.Contains(needed[0].String(), test.says) {
				t.Errorf("got %v (%v), want one Kafka that %s", needed, err, test.says)
			}
		})
	}
}
