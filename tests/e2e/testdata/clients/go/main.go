// Command order opens a conference and places an order, with a client that a
// generator has made of the API's description.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"

	"order/api"
)

func main() {
	if err := run(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, token string) error {
	client, err := api.NewClientWithResponses(url)
	if err != nil {
		return err
	}
	bearer := func(credential string) api.RequestEditorFn {
		return func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+credential)
			return nil
		}
	}
	wait := "wait=20"
	conference, seats := uuid.New(), uuid.New()
	starts := time.Now().AddDate(1, 0, 0).UTC().Truncate(time.Second)
	created, err := client.CreateConferenceWithResponse(ctx, &api.CreateConferenceParams{Prefer: &wait}, api.CreateConference{
		ConferenceId: &conference, Slug: "go-" + conference.String(), Owner: "A program", Name: "Generated", Currency: "EUR",
		Location: "Berlin", TimeZone: "Europe/Berlin", StartsAt: starts, EndsAt: starts.Add(8 * time.Hour),
	}, bearer(token))
	if err != nil || created.JSON201 == nil {
		return fmt.Errorf("conference: %v, %s", err, text(created))
	}
	added, err := client.AddSeatTypeWithResponse(ctx, conference, &api.AddSeatTypeParams{Prefer: &wait}, api.AddSeatType{
		SeatTypeId: &seats, Name: "Admission", Price: 0, Quota: 10,
	}, bearer(token))
	if err != nil || added.JSON201 == nil {
		return fmt.Errorf("seat type: %v, %+v", err, added)
	}
	published, err := client.PublishConferenceWithResponse(ctx, conference, &api.PublishConferenceParams{Prefer: &wait}, bearer(token))
	if err != nil || published.JSON200 == nil {
		return fmt.Errorf("publish: %v, %+v", err, published)
	}
	placed, err := client.PlaceOrderWithResponse(ctx, conference, &api.PlaceOrderParams{Prefer: &wait}, api.PlaceOrder{
		Items: []api.Item{{SeatType: seats, Quantity: 2}},
	})
	if err != nil || placed.JSON201 == nil {
		return fmt.Errorf("order: %v, %+v", err, placed)
	}
	fmt.Println("placed", placed.JSON201.Id)
	return nil
}

func text(r *api.CreateConferenceResponse) []byte {
	if r == nil {
		return nil
	}
	return r.Body
}
