"""Writes the migrations as one C file: embed.py OUT 001_a.sql 002_b.sql ... (in this order)."""
import sys


def c_string(line):
    text = line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return '\t"' + text + '\\n"'


def main(out, paths):
    rows = ['/* The migrations, in order. */', '#include "engine/store/schema.h"', '']
    rows.append('const char *const schema_migrations[] = {')
    for path in paths:
        lines = open(path, encoding="utf-8").read().splitlines()
        rows += [c_string(x) for x in lines if x and not x.startswith("--")] + ["\t,"]
    rows += ["};", f"const int schema_version = {len(paths)};", ""]
    with open(out, "w", encoding="utf-8") as f:
        f.write("\n".join(rows))


main(sys.argv[1], sys.argv[2:])
