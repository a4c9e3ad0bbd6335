package mysqlerr

import "strings"

// Quote is a name as messages and definitions show it.
func Quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
