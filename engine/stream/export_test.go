package stream

// CacheWeight is what the store believes that the streams in its cache take in memory.
func CacheWeight(s *Store) int64 {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	return s.cache.weight
}
