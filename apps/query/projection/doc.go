// Package projection is how the events become views: pure folds, without a
// store or a clock.
//
// A fold takes the events of one stream in their order, and nothing else. So
// the views are the same in whatever order the streams' events come in between
// each other; a view that shows several streams is assembled when it is read.
//
// A new view is a type in package view, a fold here, and an entry in the tables of
// package store, whose viewShape is then raised. An aggregate has one table: another
// view of it is a column, a side table or a read method. A read method in store, a route in
// api and the gateway show it; topology.yaml says which routes web may ask for.
package projection
