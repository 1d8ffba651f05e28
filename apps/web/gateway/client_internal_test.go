package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestTheClientIsTheLastAddressThatNoProxyHas(t *testing.T) {
	trusted, err := proxiesOf([]string{"10.0.0.0/8", "2001:db8::/32", "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	const proxy, other = "10.1.2.3:4711", "203.0.113.9:4711"
	for _, c := range []struct {
		remote    string
		forwarded []string
		real      string
		want      string
	}{
		{other, nil, "", "203.0.113.9"},
		{other, []string{"198.51.100.7"}, "198.51.100.8", "203.0.113.9"}, // says who is not trusted
		{proxy, []string{"198.51.100.7"}, "", "198.51.100.7"},
		{proxy, []string{"198.51.100.7:50123"}, "", "198.51.100.7"},
		{proxy, []string{"[2001:470::7]:50123"}, "", "2001:470::7"},
		{proxy, []string{"[2001:470::7]"}, "", "2001:470::7"},
		{proxy, []string{"2001:470::7"}, "", "2001:470::7"},
		{proxy, []string{"::ffff:198.51.100.7"}, "", "198.51.100.7"},
		{proxy, []string{`"[2001:470::7]:50123"`}, "", "2001:470::7"},
		// What the client wrote itself stands before what proxies added.
		{proxy, []string{"1.2.3.4, 198.51.100.7"}, "", "198.51.100.7"},
		{proxy, []string{"1.2.3.4", "198.51.100.7"}, "", "198.51.100.7"},
		{proxy, []string{"1.2.3.4, 198.51.100.7, 10.9.9.9, 192.0.2.1"}, "", "198.51.100.7"},
		{proxy, []string{"unknown, 198.51.100.7:80"}, "", "198.51.100.7"},
		{proxy, []string{"10.4.4.4, 10.9.9.9"}, "", "10.4.4.4"},
		// A guesser that sends X-Real-IP gains nothing, whatever X-Forwarded-For is.
		{proxy, []string{"198.51.100.7"}, "1.2.3.4", "198.51.100.7"},
		{proxy, []string{"198.51.100.7:50123"}, "1.2.3.4", "198.51.100.7"},
		{proxy, []string{"unknown"}, "1.2.3.4", "10.1.2.3"},
		{proxy, []string{"1.1.1.1, unknown, 10.9.9.9"}, "1.2.3.4", "10.9.9.9"},
		{proxy, []string{""}, "1.2.3.4", "10.1.2.3"},
		{proxy, nil, "198.51.100.7", "198.51.100.7"},
		{proxy, nil, "nonsense", "10.1.2.3"},
		{proxy, nil, "", "10.1.2.3"},
		{"[2001:db8::1]:4711", []string{"198.51.100.7"}, "", "198.51.100.7"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.remote
		for _, value := range c.forwarded {
			r.Header.Add("X-Forwarded-For", value)
		}
		if c.real != "" {
			r.Header.Set("X-Real-IP", c.real)
		}
		if got := trusted.client(r).String(); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
	if _, err := proxiesOf([]string{"10.0.0.0/8", "everybody"}); err == nil {
		t.Error("a proxy that is no address is taken")
	}
}
