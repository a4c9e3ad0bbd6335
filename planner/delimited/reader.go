package delimited

import (
	"bytes"
	"io"

	"cloudsql/storage/mysqlerr"
)

const (
	window = 64 << 10 // bytes that are read at once
	none   = -1       // what no byte is
)

// Reader reads lines and their fields:
//
//	for more := true; more; more, cut = r.EndLine() { for { f, ok, err := r.Field() … } }
type Reader struct {
	src      io.Reader
	f        Format
	maxField int

	buf  []byte // buf[at:end] is unread
	at   int
	end  int
	done bool  // nothing follows in src
	err  error // of src

	fieldTerm, lineTerm string
	fieldChar, lineChar int // first bytes of the terminators, or none
	enclosed, escaped   int
	width               func(text []byte) int
	bad                 func(byte) bool
	special             [256]bool // bytes that mean something, or may

	text     []byte // of the present field
	starting bool   // the line's start is still to be found
	ended    bool   // the line has ended
	eof      bool
	read     int64
}

// Field is one field of a line. Text is valid until the next read.
type Field struct {
	Text     []byte
	Enclosed bool
	Null     bool
}

// NewReader reads src in a format. A field of more than maxField bytes is error 1153.
func NewReader(src io.Reader, f Format, maxField int) *Reader {
	r := &Reader{src: src, f: f, maxField: maxField, buf: make([]byte, window), fieldTerm: f.FieldTerm, lineTerm: f.LineTerm, starting: f.LineStart != ""}
	if r.lineTerm == r.fieldTerm {
		r.lineTerm = "" // then lines have as many fields as are asked for
	}
	r.fieldChar, r.lineChar = first(r.fieldTerm), first(r.lineTerm)
	r.enclosed, r.escaped = first(f.Enclosed), first(f.Escaped)
	charset := f.Charset.Charset()
	r.width, r.bad = charWidth(charset), badFirst(charset)
	for b := range 256 {
		r.special[b] = b == r.fieldChar || b == r.lineChar || b == r.enclosed || b == r.escaped ||
			b >= 0x80 && (r.width != nil || r.bad != nil)
	}
	return r
}

func first(s string) int {
	if s == "" {
		return none
	}
	return int(s[0])
}

// Read is how many bytes were taken from the source.
func (r *Reader) Read() int64 { return r.read }

// Err is the error of the source, nil at its end.
func (r *Reader) Err() error { return r.err }

// fill makes n bytes available, fewer at the end. What is unread stays.
func (r *Reader) fill(n int) bool {
	for r.end-r.at < n && !r.done {
		if r.at > 1 { // the byte before stays: it may be put back
			r.end = copy(r.buf, r.buf[r.at-1:r.end])
			r.at = 1
		}
		if r.end == len(r.buf) {
			r.buf = append(r.buf, make([]byte, len(r.buf))...)
		}
		m, err := r.src.Read(r.buf[r.end:])
		r.end += m
		r.read += int64(m)
		if err != nil {
			r.done = true
			if err != io.EOF {
				r.err = err
			}
		}
	}
	return r.end-r.at >= n
}

// next gives the next byte, none at the end.
func (r *Reader) next() int {
	if r.at == r.end && !r.fill(1) {
		return none
	}
	b := r.buf[r.at]
	r.at++
	return int(b)
}

// terminator takes the rest of a terminator whose first byte was taken.
func (r *Reader) terminator(t string) bool {
	if len(t) == 1 {
		return true
	}
	if !r.fill(len(t)-1) || string(r.buf[r.at:r.at+len(t)-1]) != t[1:] {
		return false
	}
	r.at += len(t) - 1
	return true
}

// findStart skips to behind LINES STARTING BY.
func (r *Reader) findStart() bool {
	r.starting = false
	want := r.f.LineStart
	for {
		if !r.fill(len(want)) {
			r.at = r.end
			r.ended, r.eof = true, true
			return false
		}
		if i := bytes.Index(r.buf[r.at:r.end], []byte(want)); i >= 0 {
			r.at += i + len(want)
			return true
		}
		r.at = r.end - len(want) + 1
	}
}

// Field gives the line's next field; ok is false where the line, or the file, has no more.
func (r *Reader) Field() (f Field, ok bool, err error) {
	if r.ended {
		return f, false, nil
	}
	if r.starting && !r.findStart() {
		return f, false, r.err
	}
	c := r.next()
	if c == none {
		r.ended, r.eof = true, true
		return f, false, r.err
	}
	r.text = r.text[:0]
	quote := none
	if c == r.enclosed {
		quote = c
		r.text = append(r.text, byte(c)) // it counts as text where no end follows
	} else {
		r.at--
	}
	null := false
	for {
		r.plain()
		if len(r.text) > r.maxField {
			return f, false, mysqlerr.New(mysqlerr.NetPacketTooLarge)
		}
		if c = r.next(); c == none {
			return r.atEnd(null)
		}
		if c == r.escaped {
			var taken bool
			if c, taken, null = r.escape(null); taken {
				continue
			}
			if c == none {
				return r.atEnd(null)
			}
		}
		switch {
		case c == r.lineChar && quote == none && r.terminator(r.lineTerm):
			r.ended = true
			return r.bare(null), true, nil
		case c == quote && quote != none:
			switch ahead := r.next(); {
			case ahead == quote:
				r.text = append(r.text, byte(c))
				continue
			case ahead == none || ahead == r.lineChar && r.terminator(r.lineTerm):
				r.ended = true
				return Field{Text: r.text[1:], Enclosed: true, Null: null && len(r.text) == 2}, true, nil
			case ahead == r.fieldChar && r.terminator(r.fieldTerm):
				return Field{Text: r.text[1:], Enclosed: true, Null: null && len(r.text) == 2}, true, nil
			}
			r.at--
		case c == r.fieldChar && quote == none && r.terminator(r.fieldTerm):
			return r.bare(null), true, nil
		}
		if err := r.take(byte(c)); err != nil {
			return f, false, err
		}
	}
}

// plain takes bytes that mean nothing.
func (r *Reader) plain() {
	from := r.at
	for r.at < r.end && !r.special[r.buf[r.at]] {
		r.at++
	}
	r.text = append(r.text, r.buf[from:r.at]...)
}

// take adds a character by its first byte.
func (r *Reader) take(c byte) error {
	r.text = append(r.text, c)
	if c < 0x80 {
		return nil
	}
	if r.bad != nil && r.bad(c) {
		return mysqlerr.New(mysqlerr.InvalidCharacterString, r.f.Charset.Charset(), printable(r.text))
	}
	r.text = append(r.text, r.rest(c)...)
	return nil
}

// rest takes the further bytes of a character whose first was taken.
func (r *Reader) rest(c byte) []byte {
	if c < 0x80 || r.width == nil {
		return nil
	}
	r.fill(maxWidth - 1)
	n := r.width(r.buf[r.at-1:min(r.end, r.at-1+maxWidth)]) - 1
	r.at += n
	return r.buf[r.at-n : r.at]
}

// printable is the beginning of text that an error shows.
func printable(text []byte) string {
	const most = 64
	return string(bytes.ToValidUTF8(text[:min(len(text)-1, most)], []byte("?")))
}

// escape reads what stands behind an escape character. taken: it was added to the text; otherwise c is to be looked at like any
// other byte, none at the end of the file.
func (r *Reader) escape(null bool) (c int, taken, isNull bool) {
	c = r.next()
	if c == none {
		r.text = append(r.text, byte(r.escaped))
		return none, false, null
	}
	if r.escaped == r.enclosed && c != r.escaped { // doubling it is all that it does then
		r.at--
		return r.escaped, false, null
	}
	if rest := r.rest(byte(c)); len(rest) > 0 {
		r.text = append(append(r.text, byte(c)), rest...)
		return c, true, null
	}
	b, isNil := unescape(byte(c))
	r.text = append(r.text, b)
	return c, true, null || isNil
}

// unescape gives what a byte means behind an escape character; N is NULL, where it is all.
func unescape(c byte) (b byte, null bool) {
	switch c {
	case 'n':
		return '\n', false
	case 't':
		return '\t', false
	case 'r':
		return '\r', false
	case 'b':
		return '\b', false
	case '0':
		return 0, false
	case 'Z':
		return 0x1a, false
	}
	return c, c == 'N'
}

func (r *Reader) atEnd(null bool) (Field, bool, error) {
	r.ended, r.eof = true, true
	return r.bare(null), r.err == nil, r.err
}

// bare is a field that nothing encloses: NULL as a word counts where others are enclosed.
func (r *Reader) bare(null bool) Field {
	return Field{Text: r.text, Null: null && len(r.text) == 1 || r.enclosed != none && string(r.text) == "NULL"}
}

// Row gives the next n bytes of a row without separators, fewer where the line or the file ends; ok is false where there is no more.
func (r *Reader) Row(n int) (row []byte, ok bool, err error) {
	if r.ended {
		return nil, false, nil
	}
	if r.starting && !r.findStart() {
		return nil, false, r.err
	}
	r.text = r.text[:0]
	for len(r.text) < n {
		c := r.next()
		switch {
		case c == none:
			r.ended, r.eof = true, true
			return r.text, len(r.text) > 0 && r.err == nil, r.err
		case c == r.escaped:
			if c = r.next(); c == none {
				r.text = append(r.text, byte(r.escaped))
				continue
			}
			b, _ := unescape(byte(c))
			r.text = append(r.text, b)
			continue
		case c == r.lineChar && r.terminator(r.lineTerm):
			r.ended = true
			return r.text, true, nil
		}
		r.text = append(r.text, byte(c))
	}
	return r.text, true, nil
}

// EndLine skips to the next line. more is false at the end of the file; cut tells that something was skipped.
func (r *Reader) EndLine() (more, cut bool) {
	r.starting = r.f.LineStart != ""
	if r.ended || r.eof {
		r.ended = false
		return !r.eof, false
	}
	if r.lineTerm == "" {
		return true, false
	}
	for {
		c := r.next()
		switch {
		case c == none:
			r.eof = true
			return false, cut
		case c == r.escaped:
			cut = true
			if r.next() == none {
				r.eof = true
				return false, cut
			}
			continue
		case c == r.lineChar && r.terminator(r.lineTerm):
			return true, cut
		}
		cut = true
		r.rest(byte(c))
	}
}
