package host

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestASecretIsReadEveryHalfMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secret, failing, reads := "first", errors.New("the store is down"), 0
		token := Remembered(func(context.Context) (string, error) {
			reads++
			if failing != nil {
				return "", failing
			}
			return secret, nil
		})
		expect := func(want string, wantErr bool, wantReads int) {
			t.Helper()
			got, err := token(t.Context())
			if got != want || (err != nil) != wantErr || reads != wantReads {
				t.Fatalf("%q, %v after %d reads; want %q, error %v, %d reads", got, err, reads, want, wantErr, wantReads)
			}
		}
		expect("", true, 1)
		failing = nil
		expect("first", false, 2)
		secret = "second"
		expect("first", false, 2)
		<-time.After(30 * time.Second)
		expect("second", false, 3)
		<-time.After(30 * time.Second)
		failing = errors.New("the store is down")
		expect("second", false, 4)
		<-time.After(29 * time.Second)
		expect("second", false, 5)
	})
}

func TestARevokedSecretEndsWithinAMinuteAlsoWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing error
		token := Remembered(func(context.Context) (string, error) { return "revoked meanwhile", failing })
		if _, err := token(t.Context()); err != nil {
			t.Fatal(err)
		}
		failing = errors.New("the store is down")
		<-time.After(time.Minute)
		if got, err := token(t.Context()); err == nil {
			t.Fatalf("%q still counts", got)
		}
	})
}
