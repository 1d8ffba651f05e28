package slo_test

import (
	"maps"
	"testing"

	"github.com/plenary/plenary/engine/slo"
	"github.com/plenary/plenary/engine/telemetry/telemetrytest"
)

func TestALevelCountsFromZero(t *testing.T) {
	recorded := telemetrytest.Record(t)
	level := slo.New("api")
	if got := recorded.Value("plenary.slo.events"); !maps.Equal(got, map[string]float64{"class=good slo=api": 0, "class=fault slo=api": 0}) {
		t.Errorf("at first %v", got)
	}
	level.Count(t.Context(), true)
	level.Count(t.Context(), false)
	level.Count(t.Context(), true)
	if got := recorded.Value("plenary.slo.events"); !maps.Equal(got, map[string]float64{"class=good slo=api": 2, "class=fault slo=api": 1}) {
		t.Errorf("then %v", got)
	}
}
