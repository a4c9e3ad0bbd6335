package generate

import "strings"

// Reduce drops tokens of a statement as long as fails says that what is left fails in the same way; it asks at most
// tries times.
func Reduce(sql string, tries int, fails func(sql string) bool) string {
	toks := tokens(sql)
	for size := len(toks) / 2; size > 0 && tries > 0; {
		dropped := false
		for i := 0; i+size <= len(toks) && tries > 0; {
			without := append(append([]string{}, toks[:i]...), toks[i+size:]...)
			tries--
			if fails(strings.Join(without, "")) {
				toks, dropped = without, true
			} else {
				i += max(size/2, 1)
			}
		}
		if !dropped {
			size /= 2
		}
		size = min(size, len(toks)/2)
	}
	return strings.Join(toks, "")
}

// tokens splits a statement into words with the white space before them, strings, calls of nothing and single characters;
// a group in parentheses that is short stays in one piece at first, since half of it rarely parses.
func tokens(sql string) []string {
	var list []string
	for i := 0; i < len(sql); {
		j := i
		for j < len(sql) && sql[j] == ' ' {
			j++
		}
		if j < len(sql) {
			switch c := sql[j]; {
			case c == '\'' || c == '`' || c == '"':
				q := c
				for j++; j < len(sql) && sql[j] != q; j++ {
					if sql[j] == '\\' {
						j++
					}
				}
				j = min(j+1, len(sql))
			case word(c):
				for j < len(sql) && word(sql[j]) {
					j++
				}
			default:
				j++
			}
		}
		list = append(list, sql[i:j])
		i = j
	}
	return list
}

func word(c byte) bool {
	return c == '_' || c == '.' || c == '@' || c == '$' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}
