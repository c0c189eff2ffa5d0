export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** Each asks the command itself, by its hidden command `__complete`, which prints a word and what it is about per line. */
export const scripts: Record<Shell, string> = {
  bash: `# For one shell: source <(rhei completion bash)
_rhei() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F _rhei rhei
`,
  zsh: `#compdef rhei
# For one shell: source <(rhei completion zsh)
_rhei() {
  local line
  local -a found shown
  for line in "\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -z $line ]] && continue
    found+=("\${line%%$'\\t'*}")
    shown+=("\${line/$'\\t'/  -- }")
  done
  if (( \${#found} )); then
    compadd -l -d shown -a found
  else
    _files
  fi
}
compdef _rhei rhei
`,
  fish: `# For one shell: rhei completion fish | source
function __rhei_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path "$current"
    end
end
complete -c rhei -f -a '(__rhei_complete)'
`,
};
