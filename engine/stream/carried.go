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
type span struct{ first, last uint64 }

func (all spans) has(version uint64) bool {
	return slices.ContainsFunc(all, func(s span) bool { return s.first <= version && version <= s.last })
}

// with has a span more.
func (all spans) with(s span) spans {
	if s.last < s.first {
		return all
	}
	out := make(spans, 0, len(all)+1)
	for _, other := range all {
		switch {
		case other.last+1 < s.first:
			out = append(out, other)
		case s.last+1 < other.first:
			out = append(out, s)
			s = other
		default:
			s = span{min(s.first, other.first), max(s.last, other.last)}
		}
	}
	return append(out, s)
}

func (c carried) has(version uint64) bool { return version <= c.through || c.above.has(version) }

// with has a span more.
func (c carried) with(s span) carried {
	c.above = c.above.with(s)
	for len(c.above) > 0 && c.above[0].first <= c.through+1 {
		c.through, c.above = max(c.through, c.above[0].last), c.above[1:]
	}
	return c
}

// and has what another has, up to a version.
func (c carried) and(other carried, through uint64) carried {
	for _, s := range append(spans{{1, other.through}}, other.above...) {
		c = c.with(span{s.first, min(s.last, through)})
	}
	return c
}
