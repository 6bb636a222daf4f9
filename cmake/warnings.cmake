# Warnings, hardening, sanitizers and coverage, the same for every target of ours.
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)
check_c_compiler_flag(-fcf-protection FERRY_HAS_CONTROL_FLOW) # x86 only
set(FERRY_CONTROL_FLOW $<$<BOOL:${FERRY_HAS_CONTROL_FLOW}>:-fcf-protection>)
set(CMAKE_REQUIRED_FLAGS -O2)
check_c_source_compiles("#if __GNUC__ < 12 && !defined(__clang__)
#error 3 is not known
#endif
int main(void) { return 0; }" FERRY_HAS_FORTIFY_3)
unset(CMAKE_REQUIRED_FLAGS)
set(FERRY_FORTIFY $<IF:$<BOOL:${FERRY_HAS_FORTIFY_3}>,3,2>)

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
    # tests/process/test_hardening.py looks for all of it in the binary
    target_compile_options(${target} PRIVATE
      -fPIE -fstack-protector-strong -fstack-clash-protection ${FERRY_CONTROL_FLOW} -U_FORTIFY_SOURCE
      -D_FORTIFY_SOURCE=${FERRY_FORTIFY})
    target_link_options(${target} PUBLIC -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack)
  endif()
endfunction()
