// Package projection is how the events become views: pure folds, without a
// store or a clock.
//
// A fold takes the events of one stream in their order, and nothing else. So
// the views are the same in whatever order the streams' events come in between
// each other; a view that shows several streams is assembled when it is read.
package projection
