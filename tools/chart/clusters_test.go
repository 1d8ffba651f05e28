package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What differs from cluster to cluster.

// Helm takes release names of up to 53 characters, and such that begin with a digit.
func TestEveryReleaseHasNamesThatKubernetesTakes(t *testing.T) {
	label := regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	value := regexp.MustCompile(`^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$`)
	most := map[string]int{"CronJob": 52, "StatefulSet": 52, "Service": 63, "Deployment": 63, "Pod": 63}
	long := strings.Repeat("a-long-release-", 4)
	names := map[string]string{}
	for release, profile := range map[string]string{
		"plenary": "defaults", "2-tickets": "defaults", long[:29] + "x": "defaults", long[:30] + "x": "defaults",
		long[:34] + "x": "defaults", long[:52] + "x": "production", "9" + long[:51] + "x": "defaults",
	} {
		files, err := renderedAs(t, release, profiles(t)[profile])
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, o := range objectsIn(t, files) {
			if seen[path(o)] {
				t.Errorf("%s: %s is there twice", release, path(o))
			}
			seen[path(o)] = true
			limit := most[o.kind()]
			if limit == 0 {
				limit = 253
			}
			if !label.MatchString(o.name()) || len(o.name()) > limit {
				t.Errorf("%s: %s has %d characters of %d, or begins otherwise than with a letter", release, path(o), len(o.name()), limit)
			}
			for key, v := range get[map[string]any](o, "metadata", "labels") {
				if text := v.(string); len(text) > 63 || !value.MatchString(text) {
					t.Errorf("%s: %s has the label %s=%s", release, path(o), key, text)
				}
			}
			if o.kind() == "Service" && strings.HasSuffix(o.name(), "-web") {
				if other, ok := names[o.name()]; ok && other != release {
					t.Errorf("%s and %s have the same names", other, release)
				}
				names[o.name()] = release
			}
		}
	}
	if names["plenary-web"] != "plenary" {
		t.Errorf("a short release keeps its name: %v", names)
	}
}

// DNS pods listen on 5353 on OpenShift, and a policy sees that port.
func TestNamesAreLookedUpOnEveryCluster(t *testing.T) {
	open := map[string]bool{}
	for _, rule := range get[[]any](of(render(t, nil), "NetworkPolicy")["plenary-dns"], "spec", "egress") {
		for _, p := range get[[]any](rule.(map[string]any), "ports") {
			port := object(p.(map[string]any))
			open[fmt.Sprint(port["protocol"], " ", port["port"])] = true
		}
	}
	for _, want := range []string{"UDP 53", "TCP 53", "UDP 5353", "TCP 5353"} {
		if !open[want] {
			t.Errorf("%s is not open: %v", want, slices.Sorted(maps.Keys(open)))
		}
	}
}

func TestNamesAreLookedUpWhereDNSIs(t *testing.T) {
	elsewhere := map[string]any{"ipBlock": map[string]any{"cidr": "169.254.20.10/32"}}
	for want, values := range map[string]map[string]any{
		"kube-system":      nil,
		"169.254.20.10/32": {"networkPolicy": map[string]any{"dnsTo": []any{elsewhere}}},
	} {
		for _, rule := range get[[]any](of(render(t, values), "NetworkPolicy")["plenary-dns"], "spec", "egress") {
			if to := fmt.Sprint(rule.(map[string]any)["to"]); !strings.Contains(to, want) {
				t.Errorf("names are looked up at %s, want %s", to, want)
			}
		}
	}
}

// Where the namespace assigns users, as restricted-v2 does, a pod that names one is
// refused.
func TestUsersMayBeTheNamespaces(t *testing.T) {
	for profile, named := range map[string]bool{"gateway": false, "defaults": true} {
		all := pods(render(t, profiles(t)[profile]))
		if len(all) < 10 {
			t.Errorf("%s: only %d pods", profile, len(all))
		}
		for name, pod := range all {
			security := get[map[string]any](pod, "spec", "securityContext")
			for _, key := range []string{"runAsUser", "runAsGroup", "fsGroup"} {
				if _, there := security[key]; there != named {
					t.Errorf("%s: %s names %s: %v", profile, name, key, there)
				}
			}
			if security["runAsNonRoot"] != true {
				t.Errorf("%s: %s may run as root", profile, name)
			}
			for _, c := range containers(pod) {
				if get[any](c, "securityContext", "runAsUser") != nil {
					t.Errorf("%s: a container of %s names its user", profile, name)
				}
			}
		}
	}
}

// Redis, PostgreSQL, jobs and the test are pulled with the same secrets as the apps.
func TestEveryPodHasThePullSecrets(t *testing.T) {
	objects := render(t, profiles(t)["gateway"])
	all := pods(objects)
	for _, name := range []string{"plenary-web", "plenary-redis", "plenary-postgresql", "plenary-redis-forget", "plenary-test"} {
		if all[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	for name, pod := range all {
		secrets := get[[]any](pod, "spec", "imagePullSecrets")
		if len(secrets) != 1 || get[string](secrets[0].(map[string]any), "name") != "registry" {
			t.Errorf("%s is pulled with %v", name, secrets)
		}
	}
}

// What renders otherwise each time is applied again each time, by what keeps a cluster
// as a repository has it.
func TestProductionRendersTheSameEachTime(t *testing.T) {
	production := profiles(t)["production"]
	first, err := rendered(t, production)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := rendered(t, production)
		if err != nil {
			t.Fatal(err)
		}
		for file, text := range first {
			if again[file] != text {
				t.Errorf("%s differs from one rendering to the next", filepath.Base(file))
			}
		}
	}
	// Nor does it take back what a scaler has decided.
	objects := render(t, production)
	scaled := of(objects, "HorizontalPodAutoscaler")
	if len(scaled) == 0 {
		t.Error("nothing is scaled")
	}
	for name := range scaled {
		if replicas := get[any](of(objects, "Deployment")[name], "spec", "replicas"); replicas != nil {
			t.Errorf("%s has %v replicas, and a scaler", name, replicas)
		}
	}
}

// A gateway ends no stream.
func TestAnHTTPRouteHasNoTimeout(t *testing.T) {
	route := of(render(t, profiles(t)["gateway"]), "HTTPRoute")["plenary-web"]
	rules := get[[]any](route, "spec", "rules")
	if len(rules) != 1 || get[string](object(get[[]any](route, "spec", "parentRefs")[0].(map[string]any)), "name") != "gateway" {
		t.Fatalf("got %v", route)
	}
	rule := object(rules[0].(map[string]any))
	if get[string](rule, "timeouts", "request") != "0s" || get[string](rule, "timeouts", "backendRequest") != "0s" {
		t.Errorf("timeouts: %v", rule["timeouts"])
	}
	backend := object(get[[]any](rule, "backendRefs")[0].(map[string]any))
	service := of(render(t, profiles(t)["gateway"]), "Service")[get[string](backend, "name")]
	if service == nil {
		t.Errorf("it leads to %v, which is not there", backend)
	}
	if routes := of(render(t, nil), "HTTPRoute"); len(routes) > 0 {
		t.Errorf("nobody asked for %v", routes)
	}
}
