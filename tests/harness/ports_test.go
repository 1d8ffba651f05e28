package harness

import "testing"

func TestSystemsSideBySideHaveDifferentPorts(t *testing.T) {
	given := map[int]bool{}
	for range 3 {
		p := &ports{}
		defer p.close()
		for range 2 * portsOfBlock {
			n := p.port()
			if p.err != nil {
				t.Fatal(p.err)
			}
			if given[n] {
				t.Fatalf("port %d was given twice", n)
			}
			given[n] = true
		}
	}
}
