package delimited

// Lines gives a file's lines as fields whose texts stay until Forget.
type Lines struct {
	r      *Reader
	want   int   // fields of a line
	widths []int // of the format without separators, with rest; nil otherwise
	total  int
	fields []Field
	arena  []byte
	Bytes  int // of the texts that are kept
}

// NewLines reads lines of so many fields: by widths where there are no separators.
func NewLines(r *Reader, want int, widths []int) *Lines {
	l := &Lines{r: r, want: want, widths: widths}
	for _, w := range widths {
		if w == rest {
			w = restBytes
		}
		l.total += w
	}
	return l
}

// rest is the width of a column that has none: it takes what is left of the row, for which restBytes are read.
const (
	rest      = -1
	restBytes = 256
)

// Skip leaves lines out; more is false at the end of the file. Where nothing ends a line, they are as many fields as it has, and
// LINES STARTING BY is looked for before the first only. A terminator that is that of fields, too, ends none: then nothing is left out.
func (l *Lines) Skip(n uint64) (more bool, err error) {
	more = true
	for ; n > 0 && more && err == nil; n-- {
		if l.r.f.LineTerm != "" {
			more, _ = l.r.EndLine()
		} else {
			_, more, err = l.Next()
			l.Forget()
		}
	}
	return more, err
}

// Next gives the fields of a line, fewer where it lacks some; ok is false at the end of the file. End must follow.
func (l *Lines) Next() (fields []Field, ok bool, err error) {
	l.fields = l.fields[:0]
	if l.widths != nil {
		return l.fixed()
	}
	for len(l.fields) < l.want {
		f, more, err := l.r.Field()
		if err != nil {
			return nil, false, err
		}
		if !more {
			break
		}
		f.Text = l.keep(f.Text)
		l.fields = append(l.fields, f)
	}
	return l.fields, len(l.fields) > 0, nil
}

// fixed takes a row apart by the widths of its columns.
func (l *Lines) fixed() ([]Field, bool, error) {
	text, ok, err := l.r.Row(l.total)
	if !ok || err != nil {
		return nil, false, err
	}
	for text = l.keep(text); len(l.fields) < l.want && len(text) > 0; {
		n := l.widths[len(l.fields)]
		if n == rest || n > len(text) {
			n = len(text)
		}
		l.fields = append(l.fields, Field{Text: text[:n:n]})
		text = text[n:]
	}
	return l.fields, true, nil
}

// End goes to the next line; cut tells of fields that nobody asked for.
func (l *Lines) End() (more, cut bool) { return l.r.EndLine() }

// Err is the error of the file.
func (l *Lines) Err() error { return l.r.Err() }

// keep copies a text for as long as the lines since Forget live.
func (l *Lines) keep(text []byte) []byte {
	l.Bytes += len(text)
	if cap(l.arena)-len(l.arena) < len(text) {
		l.arena = make([]byte, 0, max(arenaBytes, len(text)))
	}
	at := len(l.arena)
	l.arena = append(l.arena, text...)
	return l.arena[at:len(l.arena):len(l.arena)]
}

const arenaBytes = 16 << 10

// Forget begins anew: the texts belong to whoever has them.
func (l *Lines) Forget() { l.arena, l.Bytes = nil, 0 }
