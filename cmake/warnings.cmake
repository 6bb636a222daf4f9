# Warnings, hardening, sanitizers and coverage, the same for every target of ours.
function(ferry_warnings target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Wundef -Wwrite-strings
    # texts for people are cut to their room on purpose
    $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>)
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  if(FERRY_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(FERRY_FUZZ)
    target_compile_options(${target} PUBLIC -fsanitize=fuzzer-no-link)
  endif()
  if(FERRY_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=${FERRY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${FERRY_SANITIZE})
  elseif(FERRY_COVERAGE)
    target_compile_options(${target} PUBLIC --coverage)
    target_link_options(${target} PUBLIC --coverage)
  elseif(CMAKE_BUILD_TYPE MATCHES "Rel")
    target_compile_options(${target} PRIVATE -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE)
    target_link_options(${target} PUBLIC -Wl,-z,relro,-z,now)
  endif()
endfunction()
