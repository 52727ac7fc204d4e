# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of certpropctl for bash (bash-completion 2).

_certpropctl_nicknames() {
	certpropctl list --json 2>/dev/null |
		sed 's/"nickname" *: *"/\n&/g' |
		sed -n 's/^"nickname" *: *"\([^"\\]*\)".*/\1/p'
}

_certpropctl() {
	local current=${COMP_WORDS[COMP_CWORD]} command='' word options
	local commands='status list show sync purge undo monitor databases module setup doctor config'

	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case $word in
		-*) ;;
		*)
			command=$word
			break
			;;
		esac
	done

	case $command in
	'') options='--help --version --no-color' ;;
	list) options='--json --all-users --homes --timeout --no-color --help' ;;
	sync) options='--json --dry-run --no-color --help' ;;
	undo) options='--json --dry-run --no-color --help --list ' ;;
	purge)
		options='--json --dry-run --no-color --help --token --subject --issuer --endpoint'
		options+=' --absent --expired --older-than --all --unmarked --yes '
		options+=' --all-users --homes --timeout '
		;;
	setup) options='--dry-run --undo --no-color --help' ;;
	module) options='--json --dry-run --database --no-color --help' ;;
	*) options='--json --no-color --help' ;;
	esac

	COMPREPLY=()
	if [[ ${COMP_WORDS[COMP_CWORD-1]} == --homes ]]; then
		compopt -o dirnames 2>/dev/null
	elif [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
	elif [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
	elif [[ $command == module && ${COMP_WORDS[COMP_CWORD - 1]} == --database ]]; then
		compopt -o dirnames 2>/dev/null
	elif [[ $command == module ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'status enable disable' -- "$current")
	elif [[ $command == config ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(certpropctl config --no-color 2>/dev/null |
			sed -n 's/^\([a-z]*\.[a-z-]*\) .*/\1/p')" -- "$current")
	elif [[ $command == undo ]]; then
		compopt -o default 2>/dev/null
	elif [[ $command == show ]]; then
		local IFS=$'\n'
		local -a names
		# nicknames have blanks in them: each becomes one quoted word; files come after them
		mapfile -t names < <(_certpropctl_nicknames)
		for word in "${names[@]}"; do
			[[ $word == "$current"* ]] && COMPREPLY+=("$(printf '%q' "$word")")
		done
		compopt -o default 2>/dev/null
	fi
}

complete -F _certpropctl certpropctl
