package repeat

import "context"

// KeepNotes is what Run does before each sweep.
func (s *Sender) KeepNotes(ctx context.Context) { s.keepNotes(ctx) }
