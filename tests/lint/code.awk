# Prints C files as FILE:LINE:CODE with comments and the insides of texts blanked, so that a word in
# a comment is no call. `//` itself is kept: it is a comment that the house style does not have.
FNR == 1 { inside = 0 }
{
	out = ""
	n = length($0)
	for (i = 1; i <= n; i++) {
		c = substr($0, i, 1)
		two = substr($0, i, 2)
		if (inside) {
			if (two == "*/") {
				inside = 0
				i++
			}
		} else if (two == "/*") {
			inside = 1
			i++
		} else if (two == "//") {
			out = out "//"
			break
		} else if (c == "\"" || c == "'") {
			for (i++; i <= n && substr($0, i, 1) != c; i++)
				if (substr($0, i, 1) == "\\")
					i++
			out = out c c
		} else {
			out = out c
		}
	}
	if (out ~ /[^ \t]/)
		print FILENAME ":" FNR ":" out
}
