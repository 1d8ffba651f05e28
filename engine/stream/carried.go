package stream

import "slices"

// carried are the records of a stream whose effects are known to be carried out: those up
// to a version, and spans above it. There are spans where replicas take turns at a stream:
// each knows what it did itself, and learns of the rest with the next commit of the other.
type carried struct {
	through uint64
	above   spans
}

// spans are versions, in order; no two of them meet.
type spans []span

// span are the versions from first to last.
type span struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

func (all spans) has(version uint64) bool {
	return slices.ContainsFunc(all, func(s span) bool { return s.First <= version && version <= s.Last })
}

// with has a span more.
func (all spans) with(s span) spans {
	if s.Last < s.First {
		return all
	}
	out := make(spans, 0, len(all)+1)
	for _, other := range all {
		switch {
		case other.Last+1 < s.First:
			out = append(out, other)
		case s.Last+1 < other.First:
			out = append(out, s)
			s = other
		default:
			s = span{min(s.First, other.First), max(s.Last, other.Last)}
		}
	}
	return append(out, s)
}

func (c carried) has(version uint64) bool { return version <= c.through || c.above.has(version) }

// with has a span more.
func (c carried) with(s span) carried {
	c.above = c.above.with(s)
	for len(c.above) > 0 && c.above[0].First <= c.through+1 {
		c.through, c.above = max(c.through, c.above[0].Last), c.above[1:]
	}
	return c
}

// and has what another has, up to a version.
func (c carried) and(other carried, through uint64) carried {
	for _, s := range append(spans{{1, other.through}}, other.above...) {
		c = c.with(span{s.First, min(s.Last, through)})
	}
	return c
}
