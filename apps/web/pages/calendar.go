package pages

import (
	"net/http"

	ics "github.com/arran4/golang-ical"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/problem"
)

// calendar is the conference as a file for the calendar of who has a seat.
func (v *Visit) calendar() {
	id, ok := v.orderID()
	if !ok {
		v.refuse(problem.New(problem.NotFound))
		return
	}
	data, ok := v.readOrder(id)
	if !ok {
		return
	}
	if data.Order.Status != view.OrderConfirmed {
		v.See(orderPath(id))
		return
	}
	c := data.Conference
	cal := ics.NewCalendarFor("Plenary")
	cal.SetMethod(ics.MethodPublish)
	event := cal.AddEvent(data.Order.ID.String() + "@plenary")
	event.SetDtStampTime(data.Order.UpdatedAt)
	event.SetStartAt(c.StartsAt)
	event.SetEndAt(c.EndsAt)
	event.SetSummary(c.Name)
	event.SetLocation(c.Location)
	event.SetDescription(v.T("calendar.locator", "locator", data.Locator))
	event.SetURL(v.origin() + "/c/" + c.Slug)
	v.Header("Cache-Control", "no-store")
	v.Header("Content-Disposition", `attachment; filename="`+c.Slug+`.ics"`)
	v.Data(http.StatusOK, "text/calendar; charset=utf-8", []byte(cal.Serialize()))
}
