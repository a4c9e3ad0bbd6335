package suites

import (
	"os"
	"regexp"
	"strings"
)

// command is a statement or a command of mysqltest: what stands up to a delimiter, or a line that begins with "--".
type command struct {
	text string // without the delimiter and the dashes
	line int
}

// split gives the first word, in lower case, and the rest.
func (c command) split() (word, rest string) {
	i := strings.IndexAny(c.text, " (\t\n")
	if i < 0 {
		return strings.ToLower(c.text), ""
	}
	return strings.ToLower(c.text[:i]), strings.TrimSpace(c.text[i:])
}

// words of mysqltest that begin a command without dashes; anything else is a statement.
var words = regexp.MustCompile(`(?i)^(let|eval|source|connect|connection|disconnect|send|send_eval|reap|while|if|echo|error|sorted_result|` +
	`replace_regex|replace_result|replace_column|query|query_vertical|query_horizontal|delimiter|exec|system|perl|append_file|write_file|remove_file|` +
	`remove_files_wildcard|list_files|copy_file|move_file|mkdir|rmdir|chmod|cat_file|diff_files|file_exists|inc|dec|die|skip|exit|output|` +
	`enable_[a-z_]+|disable_[a-z_]+|vertical_results|horizontal_results|shutdown_server|sleep|real_sleep|lowercase_result|character_set|` +
	`change_user|ping|result_format|start_timer|end_timer|dirty_close|reset_connection|optimizer_trace|evalp|assert|expr|force-cpdir|force-rmdir|partially_sorted_result)\b`)

// reader cuts a file into commands.
type reader struct {
	text      string
	pos, line int
	delimiter string
}

func open(path string) (*reader, error) {
	b, err := os.ReadFile(path)
	return &reader{text: string(b), line: 1, delimiter: ";"}, err
}

// next gives the next command; false at the end. A brace is a command of its own.
func (r *reader) next() (command, bool) {
	for {
		r.skipSpace()
		switch {
		case r.pos >= len(r.text):
			return command{}, false
		case r.text[r.pos] == '#':
			r.restOfLine()
		case strings.HasPrefix(r.text[r.pos:], "--"):
			line := r.line
			text := strings.TrimSpace(strings.TrimLeft(r.restOfLine(), "- "))
			if words.MatchString(text) || strings.HasPrefix(strings.ToLower(text), "let") {
				if !strings.HasPrefix(strings.ToLower(text), "delimiter") {
					text = strings.TrimSuffix(text, ";")
				}
				return command{text, line}, true
			}
		case r.text[r.pos] == '{' || r.text[r.pos] == '}':
			r.pos++
			return command{r.text[r.pos-1 : r.pos], r.line}, true
		default:
			line := r.line
			if text := r.untilDelimiter(); text != "" {
				return command{text, line}, true
			}
		}
	}
}

func (r *reader) skipSpace() {
	for r.pos < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.pos]) >= 0 {
		if r.text[r.pos] == '\n' {
			r.line++
		}
		r.pos++
	}
}

func (r *reader) restOfLine() string {
	rest := r.text[r.pos:]
	i := strings.IndexByte(rest, '\n')
	if i < 0 {
		r.pos = len(r.text)
		return rest
	}
	r.pos, r.line = r.pos+i+1, r.line+1
	return rest[:i]
}

var condition = regexp.MustCompile(`(?i)^(if|while)\s*\(`)

// untilDelimiter reads a statement; conditions of if and while end before their brace.
func (r *reader) untilDelimiter() string {
	start, rest := r.pos, r.text[r.pos:]
	block := condition.MatchString(rest)
	var quote byte
	for ; r.pos < len(r.text); r.pos++ {
		c := r.text[r.pos]
		if c == '\n' {
			r.line++
		}
		switch {
		case quote != 0:
			if c == '\\' && quote != '`' {
				r.pos++
			} else if c == quote {
				quote = 0
			}
		case strings.HasPrefix(r.text[r.pos:], r.delimiter):
			text := r.text[start:r.pos]
			r.pos += len(r.delimiter)
			return strings.TrimSpace(text)
		case block && c == '{':
			return strings.TrimSpace(r.text[start:r.pos])
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case c == '#' && r.pos > start && (r.text[r.pos-1] == '\n'):
			i := strings.IndexByte(r.text[r.pos:], '\n')
			if i < 0 {
				i = len(r.text) - r.pos
			}
			r.pos += i - 1
		}
	}
	return strings.TrimSpace(r.text[start:])
}

// skipDocument passes over the lines of a document within the file, up to the mark that the command names, or EOF.
func (r *reader) skipDocument(word, rest string) {
	mark, f := "EOF", strings.Fields(strings.TrimSuffix(rest, r.delimiter))
	if word == "perl" && len(f) > 0 {
		mark = f[0]
	} else if len(f) > 1 {
		mark = f[1]
	}
	for r.restOfLine(); r.pos < len(r.text); {
		if strings.TrimSpace(r.restOfLine()) == mark {
			return
		}
	}
}
