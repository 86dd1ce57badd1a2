// Package localhost makes names below "localhost" resolve to the loopback address.
package localhost

import (
	"context"
	"net"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// Resolve makes net.DefaultResolver answer names below "localhost" with 127.0.0.1, as RFC 6761 says; not every system resolver does. The
// provider talks to S3 Control at <account>.<host of the endpoint>, which on a local AWS is such a name.
func Resolve() {
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: dialNameServer}
}

// dialNameServer connects to a name server, or, where that is impossible, to one that only knows localhost.
func dialNameServer(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	upstream, err := dialer.DialContext(ctx, network, address)
	if !strings.HasPrefix(network, "udp") {
		return upstream, err
	}
	if err == nil {
		return &nameServerConn{UDPConn: upstream.(*net.UDPConn)}, nil
	}
	unused, listenErr := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if listenErr != nil {
		return nil, err
	}
	return &nameServerConn{UDPConn: unused, unreachable: err}, nil
}

// nameServerConn passes queries on, except those that it answers itself.
type nameServerConn struct {
	*net.UDPConn
	unreachable error
	answer      []byte
}

func (c *nameServerConn) Write(query []byte) (int, error) {
	if c.answer = answerLocalhost(query); c.answer != nil {
		return len(query), nil
	}
	if c.unreachable != nil {
		return 0, c.unreachable
	}
	return c.UDPConn.Write(query)
}

func (c *nameServerConn) Read(buffer []byte) (int, error) {
	if c.answer == nil {
		return c.UDPConn.Read(buffer)
	}
	n := copy(buffer, c.answer)
	c.answer = nil
	return n, nil
}

// answerLocalhost builds the answer to a query for a name below "localhost", or nothing for any other query.
func answerLocalhost(query []byte) []byte {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil {
		return nil
	}
	question, err := parser.Question()
	if err != nil || !strings.HasSuffix(strings.ToLower(question.Name.String()), ".localhost.") {
		return nil
	}
	message := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: header.ID, Response: true, Authoritative: true, RecursionDesired: true, RecursionAvailable: true},
		Questions: []dnsmessage.Question{question},
	}
	// A query for another kind of address gets an empty answer: the name exists, but has none.
	if question.Type == dnsmessage.TypeA {
		message.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET},
			Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	answer, err := message.Pack()
	if err != nil {
		return nil
	}
	return answer
}
