// Package api is the query service's HTTP interface. Other apps call it through
// Dapr's service invocation; the web gateway is its face to the world, and
// decides who may ask what (topology.yaml says which routes it may call).
//
// All answers are JSON and types of package view, except where it is said
// otherwise; a refusal is a problem of RFC 9457 with a code of package problem.
// A list takes limit (1–1000, 100 if absent) and after, which is what the page
// before gave as next. A list in which somebody can search takes q: words, each
// found by its beginning, in any case, with or without accents; Han text by any
// part of it.
//
//	for everybody
//	GET  /catalogue?when=soon|over&q=        view.Catalogue: published conferences with lowest price, sale state, seats left
//	GET  /conferences                        view.Conferences: those that have not ended
//	GET  /conferences/{id or slug}           view.Conference, with live availability
//	GET  /conferences/{id or slug}/events    server-sent events named conference: view.Conference
//
//	for who has the order's link
//	POST /orders/find                        view.FindOrder → view.Order
//	POST /orders/count-seats                 view.CountSeats → view.SeatsCounted, for web's limit of an e-mail address
//	GET  /orders/{id}                        view.Order
//	GET  /orders/{id}/events                 server-sent events named order: view.Order
//	GET  /orders/{id}/timeline               view.Timeline
//	GET  /outcomes/{command id}?wait=        view.Outcome, waited for so many seconds
//	GET  /payments/{id}                      view.Payment
//
//	for organisers; {id} is a conference's id or slug
//	GET  /organiser/conferences?q=                          view.ConferenceSummaries: all, drafts too, with seats sold and held
//	GET  /organiser/conferences/{id}/dashboard?since=       view.Dashboard: numbers per seat type, sales by hour, money, conversion
//	GET  /organiser/conferences/{id}/dashboard/events?since=  server-sent events named dashboard: view.Dashboard
//	GET  /organiser/conferences/{id}/orders?q=&status=      view.OrderList: newest first, with a count for each status
//	GET  /organiser/conferences/{id}/orders.csv?q=&status=  the same as a file, all pages of it
//	GET  /organiser/conferences/{id}/attendees?q=           view.AttendeeList: seat by seat of the confirmed orders
//	GET  /organiser/conferences/{id}/attendees.csv?q=       the same as a file
//	GET  /organiser/conferences/{id}/suggestions?q=         view.Suggestions: at most 10, to complete what is typed
//
//	for operators
//	GET  /orders/overdue?before=             view.OverdueOrders
//	GET  /orders/waiting                     view.MissingOrders: the first in line of each conference for seats that are free
//	GET  /orders/missing                     view.MissingOrders: there are payments of them, and nothing else
//	GET  /failed-refunds                     view.FailedRefunds
//	GET  /dead-letters?status=&reason=&handler=&messageType=&stream=&before=
//	                                         view.DeadLetters, newest first; status is open, retried, discarded or unsettled
//	GET  /dead-letters/{id}                  view.DeadLetter, with the message
//	POST /dead-letters/{id}/retry, …/discard view.DeadLetter as it is then
//	POST /dead-letters/retry, …/discard      view.ChooseDeadLetters → view.DeadLettersClosed: 500 with each call
//	GET  /operator/attention                 view.Attention: the first of each kind, and how many there are
//	GET  /operator/stuck-orders              view.StuckOrders: rest where they should not
//	GET  /operator/loose-payments            view.LoosePayments: completed, and neither confirmed an order nor refunded
//	GET  /operator/reasons                   view.DeadLetterReasons: unsettled letters counted by reason
//	GET  /operator/parked-streams            view.ParkedStreams
//	POST /operator/parked-streams/free       view.FreeStream → view.DeadLettersClosed
//	GET  /views                              Views: a rebuild's progress, streams that wait
//	POST /views/rebuild                      Views
//
//	for the explorer; what is personal is masked, but for the list, which is for organisers and operators
//	GET  /explorer/orders?q=&status=         view.OrderList: of all conferences, newest first, without counts
//	GET  /explorer/orders/{id}/flow          view.Flow: commands and events, lanes, causes, payloads
//	GET  /explorer/orders/{id}/state?version=|at=  view.FlowState: order and conference at that version of the order, or at that time
//
// The id of a server-sent event is another one whenever the view is; who comes
// back with the id of the view as it is now, as Last-Event-ID, is not sent it
// again.
package api
