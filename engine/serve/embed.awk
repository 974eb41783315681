# A text file as a C string: awk -v name=NAME -f embed.awk FILE.
BEGIN { printf "/* Made by the build. */\nextern const char %s[];\nconst char %s[] =\n", name, name }
{
	gsub(/\\/, "\\\\")
	gsub(/"/, "\\\"")
	printf "\t\"%s\\n\"\n", $0
}
END { print "\t;" }
