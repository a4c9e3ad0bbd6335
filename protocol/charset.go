package protocol

import (
	"cloudsql/protocol/codec"
	"cloudsql/storage/collation"
)

// Charsetter is a session whose client chooses the character sets that it sends statements and takes results in
// (character_set_client, character_set_results; any collation of them will do; of results 0 is NULL). It is asked around each command.
// Without it, both are UTF-8. The session itself sees UTF-8 only.
type Charsetter interface {
	Charsets() (client, results collation.ID)
}

// charsets are the character sets of a session, looked up once for each change.
type charsets struct {
	session                   Charsetter // nil: UTF-8
	clientID, resultsID       collation.ID
	clientKnown, resultsKnown *codec.Charset
}

func (c *charsets) client() *codec.Charset {
	if c.session == nil {
		return nil
	}
	c.refresh()
	return c.clientKnown
}

func (c *charsets) results() *codec.Charset {
	if c.session == nil {
		return nil
	}
	c.refresh()
	return c.resultsKnown
}

func (c *charsets) refresh() {
	client, results := c.session.Charsets()
	if client != c.clientID {
		c.clientID, c.clientKnown = client, codec.CharsetOf(client)
	}
	if results != c.resultsID {
		c.resultsID, c.resultsKnown = results, codec.ResultsIn(results)
	}
}

// text is a statement or name that the client sent, in UTF-8.
func (c *channel) text(data []byte) string { return string(c.charset.client().Decode(data)) }
