# page.awk - makes a man page of a page's own words (NAME.3.in) and what iossl.h says of its functions.
#
#   awk -f man/page.awk -v version=V -v date=D -v dir=OUT -v page=NAME include/iossl.h man/NAME.3.in
#
# In NAME.3.in a line "@sections A; B" names the banners of iossl.h that the page is about, "@name TEXT"
# ends its NAME line, and "@reference" is where the functions go; all else is roff. Writes OUT/NAME.3,
# and for each function of the page an OUT/FUNCTION.3 that leads to it. Any awk will do.

function escape(s)
{
    gsub(/\\/, "\\e", s)
    gsub(/-/, "\\-", s)
    return s ~ /^[.']/ ? "\\&" s : s
}

# --- reading iossl.h: items[], each some text and the declarations it is about ---------------------

function end_item()
{
    if (text != "" || code != "") {
        n_items++
        item_section[n_items] = section
        item_text[n_items] = text
        item_code[n_items] = code
    }
    text = code = ""
}

function note_function(line,    name)
{
    if (line !~ /^IOSSL_API/ || line !~ /iossl_[a-z0-9_]+\(/)
        return
    match(line, /iossl_[a-z0-9_]+\(/)
    name = substr(line, RSTART, RLENGTH - 1)
    functions[section] = functions[section] " " name
}

function add_code(line)
{
    note_function(line)
    sub(/^IOSSL_API /, "", line)
    gsub(/ *IOSSL_MUST_CHECK/, "", line)
    gsub(/ *IOSSL_PRINTF\([^)]*\)/, "", line)
    if (line ~ /^ *$/)
        return
    if (line ~ /^ *;$/)
        sub(/\n$/, ";\n", code)
    else
        code = code line "\n"
}

FILENAME != last_file { last_file = FILENAME; n_files++ }

n_files == 1 && /^\/\* ---- .* -+ \*\/$/ {
    end_item()
    section = $0
    sub(/^\/\* ---- /, "", section)
    sub(/ -+ \*\/$/, "", section)
    is_section[section] = 1
    next
}
n_files == 1 && section == "" { next }
n_files == 1 && /^#(if|endif|else)/ { end_item(); is_skipped = /cplusplus/; next }
n_files == 1 && is_skipped { next }
n_files == 1 && in_comment {
    line = $0
    ends = sub(/ *\*\/$/, "", line)
    sub(/^ \*? ?/, "", line)
    if (!(ends && line ~ /^ *$/))
        text = text line "\n"
    in_comment = !ends
    next
}
n_files == 1 && /^\/\*/ {
    if (code != "")
        end_item()
    line = $0
    ends = sub(/ *\*\/$/, "", line)
    sub(/^\/\* ?/, "", line)
    if (line != "")
        text = text line "\n"
    in_comment = !ends
    next
}
n_files == 1 && /^$/ { end_item(); next }
n_files == 1 { add_code($0); next }

# --- writing --------------------------------------------------------------------------------------

# A paragraph begins with the next text, but not right after a heading or before a list.
function begin_paragraph()
{
    if (wants_paragraph)
        print ".PP" > out
    wants_paragraph = 0
}

function write_text(s,    n, lines, i, line, in_list, in_example, tag)
{
    n = split(s, lines, "\n")
    for (i = 1; i < n; i++) {
        line = lines[i]
        if (in_example && line !~ /^    / && line != "") {
            print ".EE" > out
            in_example = 0
        }
        if (line == "") {
            if (!in_example)
                wants_paragraph = 1
            else if (lines[i + 1] ~ /^    /)
                print "" > out
            in_list = 0
        } else if (in_example || (!in_list && line ~ /^    /)) {
            if (!in_example) {
                begin_paragraph()
                print ".EX" > out
            }
            in_example = 1
            print escape(line) > out
        } else if (line ~ /^ ? ?[^ ].*[^ .:;]  +[^ ]/ || line ~ /^ ? ?[^ ]+  +[^ ]/) {
            sub(/^ +/, "", line)
            match(line, /  +/)
            tag = substr(line, 1, RSTART - 1)
            print ".TP" > out
            print ".B " escape(tag) > out
            print escape(substr(line, RSTART + RLENGTH)) > out
            in_list = 1
            wants_paragraph = 0
        } else {
            if (in_list && line !~ /^ /) {
                wants_paragraph = 1
                in_list = 0
            }
            sub(/^ +/, "", line)
            begin_paragraph()
            print escape(line) > out
        }
    }
    if (in_example)
        print ".EE" > out
}

function write_item(i,    n, lines, j)
{
    begin_paragraph()
    if (item_code[i] != "") {
        print ".EX" > out
        n = split(item_code[i], lines, "\n")
        for (j = 1; j < n; j++) {
            sub(/^          (          )/, "          ", lines[j])    # where IOSSL_API was
            print "\\fB" escape(lines[j]) "\\fR" > out
        }
        print ".EE" > out
        if (item_text[i] != "")
            print ".RS 4" > out
    }
    write_text(item_text[i])
    if (item_code[i] != "" && item_text[i] != "")
        print ".RE" > out
    wants_paragraph = 1
}

function write_head(what,    i, j, n, names, list, total)
{
    print ".\\\" Made of iossl.h and " page ".3.in by page.awk." > out
    print ".TH " toupper(page) " 3 " date " \"libiossl " version "\" \"libiossl manual\"" > out
    # Declarations and long names don't stretch well: lines end where they end.
    print ".ad l" > out
    print ".SH NAME" > out
    for (i = 1; i <= n_sections; i++) {
        n = split(functions[sections[i]], names, " ")
        for (j = 1; j <= n; j++) {
            list = list (list == "" ? "" : ",\n") names[j]
            if (names[j] != page)
                print ".so man3/" page ".3" > (dir "/" names[j] ".3")
            total++
        }
    }
    print list " \\- " what > out
    print ".SH SYNOPSIS" > out
    print ".B #include <iossl.h>" > out
    print ".PP" > out
    print "cc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs iossl)" > out
    if (total == 0)
        fail("it has no functions")
}

function fail(why)
{
    print "page.awk: " page ".3.in: " why > "/dev/stderr"
    failed = 1
    exit 1
}

n_files == 2 && FNR == 1 { end_item(); out = dir "/" page ".3" }
/^@sections / {
    line = substr($0, 11)
    n_sections = split(line, sections, /; */)
    for (i = 1; i <= n_sections; i++)
        if (!(sections[i] in is_section))
            fail("iossl.h has no section \"" sections[i] "\"")
    next
}
/^@name / { write_head(substr($0, 7)); next }
/^@reference/ {
    for (i = 1; i <= n_sections; i++) {
        print ".SS " sections[i] > out
        wants_paragraph = 0
        for (j = 1; j <= n_items; j++)
            if (item_section[j] == sections[i])
                write_item(j)
    }
    next
}
{ print > out }
END { if (!failed) close(out) }
