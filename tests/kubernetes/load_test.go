package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plenary/plenary/tests/rush"
	"github.com/plenary/plenary/tools/servers/ready"
)

// few is enough orders to see that they still go through.
const few = 15

// underLoad has orders placed while something happens, and then looks whether
// each came to a right end, once. It gives what their registrants met.
func underLoad(t *testing.T, orders int, happens func(context.Context, *rush.Rush) error) rush.Faults {
	t.Helper()
	// One order of five asks for a seat of the workshop; half of those must be too late.
	sale, err := rush.Open(t.Context(), plenary.organiser(), plenary.anyone(), 10*orders, orders/10)
	if err != nil {
		t.Fatal(err)
	}
	r := &rush.Rush{Sale: sale, Orders: orders, AtOnce: max(8, orders/200), Patience: 5 * time.Minute}
	began := time.Now()
	if err := r.Run(t.Context(), func(ctx context.Context) error { return happens(ctx, r) }); err != nil {
		t.Fatal(err)
	}
	placed := time.Since(began)
	faults := r.Faults()
	t.Logf("%d orders in %.0f s; %d requests failed, at most %d times in a row; nobody waited longer than %.1f s",
		r.Placed(), placed.Seconds(), faults.Requests, faults.InARow, faults.Longest.Seconds())
	for _, kind := range slices.Sorted(maps.Keys(faults.Errors)) {
		t.Logf("%6d × %s", faults.Errors[kind], kind)
	}
	ends, err := r.Check(t.Context(), 5*time.Minute)
	t.Logf("after %.0f s they had ended %v", time.Since(began).Seconds(), ends)
	if err != nil {
		t.Fatal(err)
	}
	letters, err := plenary.operator().DeadLetters(t.Context())
	if err != nil || len(letters) > 0 {
		t.Errorf("%d dead letters: %v", len(letters), err)
	}
	return faults
}

// untilPlaced waits until so many orders have been placed.
func untilPlaced(ctx context.Context, r *rush.Rush, n int) error {
	return ready.Until(ctx, func(context.Context) error {
		if got := r.Placed(); got < n {
			return fmt.Errorf("%d orders of %d", got, n)
		}
		return nil
	})
}

// unnoticed fails if requests failed one after the other, as they do while there is
// no pod that is ready, or if somebody waited for very long. Some wait: what a
// sidecar had taken and not finished when it ended, Redis gives to another after
// 18 s at most, and a command and its event may both have been such.
func unnoticed(t *testing.T, faults rush.Faults) {
	t.Helper()
	const inARow, wait = 10, time.Minute
	if faults.InARow > inARow || faults.Longest > wait {
		t.Errorf("a request failed %d times in a row, and somebody waited %.1f s for an answer; want no more than %d and %s",
			faults.InARow, faults.Longest.Seconds(), inARow, wait)
	}
}

// Broker and store are deleted as well. In every second round pods get no time
// to finish what they have begun.
func TestNoOrderIsLostWhilePodsAreDeleted(t *testing.T) {
	workloads := slices.Concat(plenary.servers, plenary.apps)
	turns := *rounds * len(workloads)
	underLoad(t, *orders, func(ctx context.Context, r *rush.Rush) error {
		for turn := range turns {
			if err := untilPlaced(ctx, r, (turn+1)**orders/(turns+1)); err != nil {
				return err
			}
			args := []string{"--wait=false"}
			if turn/len(workloads)%2 == 1 {
				args = append(args, "--grace-period=1")
			}
			workload := workloads[turn%len(workloads)]
			pods, err := plenary.pods(ctx, component(workload))
			if err != nil {
				return err
			}
			for _, pod := range pods {
				t.Logf("%5d orders: delete pod %s %v", r.Placed(), pod, args)
				if _, err := plenary.Kubectl(ctx, append([]string{"delete", "pod", pod}, args...)...); err != nil {
					return err
				}
				if err := plenary.replaced(ctx, pod, workload); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// replaced waits until another pod has taken a pod's place. The old one may
// still have things to finish.
func (i *installation) replaced(ctx context.Context, pod, workload string) error {
	if slices.Contains(i.servers, workload) { // its pods come back under their names
		_, err := i.Kubectl(ctx, "wait", "--for=delete", "pod/"+pod, "--timeout="+rolloutWithin)
		if err != nil && !strings.Contains(err.Error(), "not found") {
			return err
		}
	} else if err := ready.Until(ctx, func(ctx context.Context) error {
		pods, err := i.pods(ctx, component(workload))
		if err == nil && (len(pods) == 0 || slices.Contains(pods, pod)) {
			err = fmt.Errorf("%s has the pods %v", workload, pods)
		}
		return err
	}); err != nil {
		return err
	}
	_, err := i.Kubectl(ctx, "rollout", "status", workload, "--timeout="+rolloutWithin)
	return err
}

// component selects the pods of a workload.
func component(workload string) string {
	_, name, _ := strings.Cut(workload, "/"+release+"-")
	return ",app.kubernetes.io/component=" + name
}

func TestAppsAreScaledToTwoAndBackUnderLoad(t *testing.T) {
	scaled := func(ctx context.Context, r *rush.Rush, replicas string) error {
		if _, err := plenary.Kubectl(ctx, append([]string{"scale", "--replicas=" + replicas}, plenary.apps...)...); err != nil {
			return err
		}
		return errors.Join(plenary.rolledOut(ctx), untilPlaced(ctx, r, r.Placed()+few))
	}
	unnoticed(t, underLoad(t, 5*few, func(ctx context.Context, r *rush.Rush) error {
		if err := scaled(ctx, r, "2"); err != nil {
			return err
		}
		return scaled(ctx, r, "1")
	}))
}
