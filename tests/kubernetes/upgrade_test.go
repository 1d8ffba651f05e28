package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/plenary/plenary/tests/rolling/next"
	"github.com/plenary/plenary/tests/rush"
	"github.com/plenary/plenary/tools/local/api"
)

// The next version, which has an event type and a field more, takes the place of this
// one under load, by the commands of the guide: it is upgraded, rolled back and upgraded
// again, and then what is new is written. After that there is no way back, and the
// installation stays with the next version: no other test comes after this one.
func TestTheNextVersionRollsOverThisOneAndBackUnderLoad(t *testing.T) {
	runs := func(ctx context.Context, r *rush.Rush, tag string) error {
		images, err := plenary.Kubectl(ctx, "get", "deployments", "--output=jsonpath={.items[*].spec.template.spec.containers[*].image}")
		if err != nil {
			return err
		}
		if n := strings.Count(images, ":"+tag); n != len(plenary.apps) {
			return fmt.Errorf("%d apps run %s: %s", n, tag, images)
		}
		return errors.Join(plenary.rolledOut(ctx), untilPlaced(ctx, r, r.Placed()+few))
	}
	upgraded := func(ctx context.Context, r *rush.Rush, part string, told ...string) error {
		t.Logf("%5d orders: helm upgrade %v", r.Placed(), told)
		if _, err := plenary.follow(ctx, "upgrade.md", part, plenary.tell(told...)); err != nil {
			return err
		}
		return runs(ctx, r, secondTag)
	}
	const upgrade, raise = "helm test plenary", "config.writes"
	var before, after string // orders that were placed before what is new was written, and after
	unnoticed(t, underLoad(t, 5*few, func(ctx context.Context, r *rush.Rush) (err error) {
		if err := untilPlaced(ctx, r, few); err != nil {
			return err
		}
		if err := upgraded(ctx, r, upgrade, "--set=image.tag="+secondTag, "--set=config.maxSeatsPerType=10"); err != nil {
			return err
		}
		t.Logf("%5d orders: helm rollback", r.Placed())
		if _, err := plenary.follow(ctx, "upgrade.md", "helm rollback"); err != nil {
			return err
		}
		if err := runs(ctx, r, firstTag); err != nil {
			return err
		}
		if err := upgraded(ctx, r, upgrade, "--set=image.tag="+secondTag); err != nil {
			return err
		}
		if before, err = plenary.order(ctx); err != nil {
			return err
		}
		if err := upgraded(ctx, r, raise, "--set-string=config.writes="+next.Version); err != nil {
			return err
		}
		after, err = plenary.order(ctx)
		return err
	}))
	if t.Failed() {
		return
	}
	for order, greeted := range map[string]bool{before: false, after: true} {
		entries, err := plenary.anyone().Timeline(t.Context(), order)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.ContainsFunc(entries, func(e api.TimelineEntry) bool { return e.Type == next.Event }); got != greeted {
			t.Errorf("order %s has an event of the next version: %t, want %t", order, got, greeted)
		}
	}

	// An older pod comes back although it should not. What it cannot read waits for the
	// others, so that somebody may wait; but nothing is lost.
	underLoad(t, 5*few, func(ctx context.Context, r *rush.Rush) error {
		older, err := plenary.olderPod(ctx, "order")
		if err != nil {
			return err
		}
		if _, err := plenary.Kubectl(ctx, "rollout", "status", older, "--timeout="+rolloutWithin); err != nil {
			return err
		}
		t.Logf("%5d orders: the older pod is ready", r.Placed())
		if err := untilPlaced(ctx, r, r.Placed()+2*few); err != nil {
			return err
		}
		_, err = plenary.Kubectl(ctx, "delete", older)
		return err
	})
}

// olderPod puts a pod of the first version beside those of an app, and gives the name of
// its deployment.
func (i *installation) olderPod(ctx context.Context, app string) (string, error) {
	out, err := i.Kubectl(ctx, "get", "deployment", release+"-"+app, "--output=json")
	if err != nil {
		return "", err
	}
	type object = map[string]any
	var d struct {
		Spec struct {
			Selector struct{ MatchLabels object }
			Template struct {
				Metadata struct{ Labels, Annotations object }
				Spec     object
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		return "", err
	}
	containers, _ := d.Spec.Template.Spec["containers"].([]any)
	if len(containers) != 1 {
		return "", fmt.Errorf("%s has %d containers", app, len(containers))
	}
	container, _ := containers[0].(object)
	image, _ := container["image"].(string)
	container["image"] = strings.TrimSuffix(image, ":"+secondTag) + ":" + firstTag
	env, _ := container["env"].([]any)
	container["env"] = slices.DeleteFunc(env, func(v any) bool { return v.(object)["name"] == "PLENARY_WRITES" })
	name := release + "-" + app + "-older"
	d.Spec.Selector.MatchLabels["older"], d.Spec.Template.Metadata.Labels["older"] = "yes", "yes"
	manifest, err := json.Marshal(object{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": name},
		"spec": object{
			"replicas": 1,
			"selector": object{"matchLabels": d.Spec.Selector.MatchLabels},
			"template": object{
				"metadata": object{"labels": d.Spec.Template.Metadata.Labels, "annotations": d.Spec.Template.Metadata.Annotations},
				"spec":     d.Spec.Template.Spec,
			},
		},
	})
	if err != nil {
		return "", err
	}
	if _, err := i.Apply(ctx, string(manifest)); err != nil {
		return "", err
	}
	return "deployment/" + name, nil
}
