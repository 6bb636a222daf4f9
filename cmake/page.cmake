# Writes OUT, a C file with the page of the status port: ui.html with its style and its script in it, and the
# Content-Security-Policy that allows just these two. Called with -DPAGE=coordinator/control/page -DOUT=FILE.
cmake_minimum_required(VERSION 3.25)

# The base64 form of a SHA-256, as a policy names it: three hexadecimal digits are two letters.
function(policy_hash text result)
  set(letters ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
  string(SHA256 digest "${text}")
  set(base64 "")
  foreach(at RANGE 0 63 3)
    string(SUBSTRING "${digest}00" ${at} 3 digits)
    math(EXPR high "0x${digits} >> 6")
    math(EXPR low "0x${digits} & 63")
    string(SUBSTRING ${letters} ${high} 1 first)
    string(SUBSTRING ${letters} ${low} 1 second)
    string(APPEND base64 ${first}${second})
  endforeach()
  string(SUBSTRING ${base64} 0 43 base64)
  set(${result} "'sha256-${base64}='" PARENT_SCOPE)
endfunction()

file(READ ${PAGE}/ui.html page)
file(READ ${PAGE}/ui.css style)
file(READ ${PAGE}/ui.js script)
policy_hash("${style}" style_hash)
policy_hash("${script}" script_hash)
string(REPLACE "{{style}}" "${style}" page "${page}")
string(REPLACE "{{script}}" "${script}" page "${page}")
set(policy "default-src 'none'; script-src ${script_hash}; style-src ${style_hash}; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
file(WRITE ${OUT}.html "${page}")
file(READ ${OUT}.html bytes HEX)
file(REMOVE ${OUT}.html)
string(REGEX REPLACE "(..)" "0x\\1," bytes ${bytes})
string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "#include \"coordinator/control/page.h\"

const char page_template[] = {
${bytes}0};

const char page_policy[] = \"${policy}\";
")
