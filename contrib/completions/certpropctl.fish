# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of certpropctl for fish.

function __certpropctl_nicknames
    certpropctl list --json 2>/dev/null | sed 's/"nickname" *: *"/\n&/g' |
        sed -n 's/^"nickname" *: *"\([^"\\\\]*\)".*/\1/p'
end

function __certpropctl_keys
    certpropctl config --no-color 2>/dev/null | sed -n 's/^\([a-z]*\.[a-z-]*\) .*/\1/p'
end

set -l commands status list show sync purge undo monitor databases module setup doctor config

complete -c certpropctl -f
complete -c certpropctl -s h -l help -d 'Show help'
complete -c certpropctl -l no-color -d 'No colours, also on a terminal'
complete -c certpropctl -n "not __fish_seen_subcommand_from $commands" -l version -d 'Print the version'
complete -c certpropctl -n "__fish_seen_subcommand_from $commands" -l json -d 'Print JSON'
complete -c certpropctl -n '__fish_seen_subcommand_from list purge' -l all-users -d 'As root: go over the homes of all users'
complete -c certpropctl -n '__fish_seen_subcommand_from list purge' -l homes -d 'Each entry of this directory is a home' -r -F
complete -c certpropctl -n '__fish_seen_subcommand_from list purge' -l timeout -d 'End a user\'s process after so many seconds' -r
complete -c certpropctl -n '__fish_seen_subcommand_from sync purge undo module setup' -l dry-run -d 'Say what would be done, do nothing'
complete -c certpropctl -n '__fish_seen_subcommand_from purge' -x -l token -d 'What this card put there'
complete -c certpropctl -n '__fish_seen_subcommand_from purge' -x -l subject -d 'With this in the subject'
complete -c certpropctl -n '__fish_seen_subcommand_from purge' -x -l issuer -d 'With this in the issuer'
complete -c certpropctl -n '__fish_seen_subcommand_from purge' -x -l endpoint -d 'What came through it'
complete -c certpropctl -n '__fish_seen_subcommand_from purge' -l absent -d 'From cards that are not in'
complete -c certpropctl -n '__fish_seen_subcommand_from purge' -l expired -d 'Expired certificates'
complete -c certpropctl -n '__fish_seen_subcommand_from purge' -x -l older-than -d 'Propagated longer ago'
complete -c certpropctl -n '__fish_seen_subcommand_from purge' -l all -d 'Everything'
complete -c certpropctl -n '__fish_seen_subcommand_from purge' -l unmarked -d 'And ones without a mark'
complete -c certpropctl -n '__fish_seen_subcommand_from purge' -l yes -d 'Do not ask before --unmarked'
complete -c certpropctl -n '__fish_seen_subcommand_from undo' -l list -d 'List what can be undone'
complete -c certpropctl -n '__fish_seen_subcommand_from undo' -F

complete -c certpropctl -n "not __fish_seen_subcommand_from $commands" -a status -d 'What runs, which cards are in'
complete -c certpropctl -n "not __fish_seen_subcommand_from $commands" -a list -d 'Propagated certificates'
complete -c certpropctl -n "not __fish_seen_subcommand_from $commands" -a show -d 'Everything about one certificate'
complete -c certpropctl -n "not __fish_seen_subcommand_from $commands" -a sync -d 'Look at every card now'
complete -c certpropctl -n "not __fish_seen_subcommand_from $commands" -a purge -d 'Take propagated certificates away'
complete -c certpropctl -n "not __fish_seen_subcommand_from $commands" -a undo -d 'Put back what a purge took away'
complete -c certpropctl -n "not __fish_seen_subcommand_from $commands" -a monitor -d 'Report events as they happen'
complete -c certpropctl -n "not __fish_seen_subcommand_from $commands" -a databases -d 'Databases that certificates go to'
complete -c certpropctl -n "not __fish_seen_subcommand_from $commands" -a module -d 'Whether programs reach the keys on the cards'
complete -c certpropctl -n "not __fish_seen_subcommand_from $commands" -a setup -d 'Start certpropd at login, bring keys into reach'
complete -c certpropctl -n "not __fish_seen_subcommand_from $commands" -a doctor -d 'What does not work, and what mends it'
complete -c certpropctl -n "not __fish_seen_subcommand_from $commands" -a config -d 'Effective configuration'

complete -c certpropctl -n '__fish_seen_subcommand_from show' -F -a '(__certpropctl_nicknames)'
complete -c certpropctl -n '__fish_seen_subcommand_from setup' -l undo -d 'Take back what setup has done'
complete -c certpropctl -n '__fish_seen_subcommand_from module' -l database -d 'Only this database' -r -a '(__fish_complete_directories)'
complete -c certpropctl -n '__fish_seen_subcommand_from module' -a 'status enable disable'
complete -c certpropctl -n '__fish_seen_subcommand_from config' -a '(__certpropctl_keys)'
