package localhost

import (
	"context"
	"net"
	"slices"
	"testing"
)

func TestNamesBelowLocalhost(t *testing.T) {
	Resolve()
	for _, name := range []string{"000000000000.localhost", "a.b.LOCALHOST", "localhost"} {
		addresses, err := net.DefaultResolver.LookupHost(context.Background(), name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.Contains(addresses, "127.0.0.1") {
			t.Errorf("%s is %v, not 127.0.0.1", name, addresses)
		}
	}
}

func TestOtherNamesArePassedOn(t *testing.T) {
	for _, query := range [][]byte{nil, {1, 2, 3}, []byte("not a query at all")} {
		if answer := answerLocalhost(query); answer != nil {
			t.Errorf("answered %q", query)
		}
	}
}
