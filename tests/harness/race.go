//go:build race

package harness

// raceDetector says whether the test has it; the apps then have it as well.
const raceDetector = true
