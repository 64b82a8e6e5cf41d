// Options whose value is one of a few names.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>

namespace eddy {

// Adds an option, or a list of them, for an enumeration's values by name, in any case: its help
// shows the names, and so does what is said of another one.
template <class T, class Value>
CLI::Option* add_choice(CLI::App& command, const std::string& flag, T& value,
                        const std::map<std::string, Value>& names, const std::string& help) {
  std::string list;
  for (const auto& [name, named] : names) list += (list.empty() ? "" : "|") + name;
  const auto number_of = [names, list](std::string& text) -> std::string {
    const auto found = names.find(CLI::detail::to_lower(text));
    if (found == names.end()) return text + ", expected " + list;
    text = std::to_string(static_cast<int>(found->second));
    return {};
  };
  return command.add_option(flag, value, help)
      ->type_name(list)
      ->transform(CLI::Validator(number_of, ""));
}

}  // namespace eddy
