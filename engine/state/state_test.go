package state_test

import (
	"testing"

	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/state/statetest"
)

func TestMemory(t *testing.T) {
	statetest.Run(t, func(*testing.T) state.Store { return &state.Memory{} })
}
