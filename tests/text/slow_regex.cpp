#include "slow_regex.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

namespace eddy::test {
namespace {

constexpr char32_t kLimit = 0x110000;

std::vector<char> read_categories() {
  std::vector<char> categories(kLimit, '-');
  std::ifstream file(EDDY_SOURCE_DIR "/tools/unicode15_1_categories.txt");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::uint32_t first = 1, last = 0;
    char name = '-';
    words >> std::hex >> first >> last >> name;
    for (std::uint32_t c = first; c <= last; ++c) categories.at(c) = name;
  }
  return categories;
}

}  // namespace

struct SlowRegex::Node {
  enum class Kind { kChars, kSequence, kAlternatives, kRepeat, kAhead };

  // Characters from first to last, or those of a class: 's' white space, 'S' all others; a
  // category.
  struct Item {
    char32_t first = 1, last = 0;
    char white = 0, category = 0;

    bool has(char32_t c) const {
      if (white) return is_white_space(c) == (white == 's');
      if (category) return test::category(c) == category;
      return first <= c && c <= last;
    }
  };

  Kind kind = Kind::kSequence;
  bool is_negated = false;          // kChars, kAhead
  std::vector<Item> items = {};     // kChars
  std::size_t least = 1, most = 1;  // kRepeat
  std::vector<Node> nodes = {};
};

namespace {

using Node = SlowRegex::Node;
using Item = Node::Item;
using Kind = Node::Kind;
using Then = std::function<bool(std::size_t)>;

class Parser {
 public:
  explicit Parser(std::string_view pattern) : rest_(pattern) {}

  Node alternatives() {
    Node node{.kind = Kind::kAlternatives};
    do {
      node.nodes.push_back(sequence());
    } while (take("|"));
    return node;
  }

 private:
  Node sequence() {
    Node node{.kind = Kind::kSequence};
    while (!rest_.empty() && rest_[0] != '|' && rest_[0] != ')') {
      node.nodes.push_back(quantified(atom()));
    }
    return node;
  }

  Node atom() {
    if (take("(?:")) return closed(alternatives());
    if (take("(?=")) return closed({.kind = Kind::kAhead, .nodes = {alternatives()}});
    if (take("(?!")) {
      return closed({.kind = Kind::kAhead, .is_negated = true, .nodes = {alternatives()}});
    }
    if (take("(")) return closed(alternatives());
    Node node{.kind = Kind::kChars};
    if (!take("[")) {
      node.items = {item()};
      return node;
    }
    node.is_negated = take("^");
    while (!take("]")) {
      node.items.push_back(item());
      if (rest_[0] != '-') continue;
      take("-");
      node.items.back().last = item().last;
    }
    return node;
  }

  Node closed(Node node) {
    take(")");
    return node;
  }

  Node quantified(Node node) {
    constexpr std::size_t kMany = 1000;
    const auto repeat = [&](std::size_t least, std::size_t most) {
      return Node{.kind = Kind::kRepeat, .least = least, .most = most, .nodes = {std::move(node)}};
    };
    if (take("?")) return repeat(0, 1);
    if (take("*")) return repeat(0, kMany);
    if (take("+")) return repeat(1, kMany);
    if (!take("{")) return node;
    const auto least = static_cast<std::size_t>(rest_[0] - '0');
    const auto most = static_cast<std::size_t>(rest_[2] - '0');
    rest_.remove_prefix(4);
    return repeat(least, most);
  }

  Item item() {
    if (take("\\s")) return {.white = 's'};
    if (take("\\S")) return {.white = 'S'};
    if (take("\\r")) return {.first = '\r', .last = '\r'};
    if (take("\\n")) return {.first = '\n', .last = '\n'};
    if (take("\\p{")) {
      const char name = rest_[0];
      rest_.remove_prefix(2);
      return {.category = name};
    }
    if (take("\\u{")) {
      const std::size_t end = rest_.find('}');
      const auto c = static_cast<char32_t>(std::stoul(std::string(rest_.substr(0, end)), {}, 16));
      rest_.remove_prefix(end + 1);
      return {.first = c, .last = c};
    }
    take("\\");
    const auto c = static_cast<char32_t>(rest_[0]);
    rest_.remove_prefix(1);
    return {.first = c, .last = c};
  }

  bool take(std::string_view what) {
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }

  std::string_view rest_;
};

class Matcher {
 public:
  explicit Matcher(std::u32string_view text) : text_(text) {}

  bool match(const Node& node, std::size_t at, const Then& then) const {
    switch (node.kind) {
      case Kind::kChars: return at < text_.size() && has(node, text_[at]) && then(at + 1);
      case Kind::kSequence: return sequence(node, 0, at, then);
      case Kind::kRepeat: return repeat(node, 0, at, then);
      case Kind::kAhead: {
        const bool is_there = match(node.nodes[0], at, [](std::size_t) { return true; });
        return is_there != node.is_negated && then(at);
      }
      case Kind::kAlternatives: break;
    }
    return std::ranges::any_of(node.nodes, [&](const Node& n) { return match(n, at, then); });
  }

 private:
  static bool has(const Node& node, char32_t c) {
    const bool is_in = std::ranges::any_of(node.items, [&](const Item& i) { return i.has(c); });
    return is_in != node.is_negated;
  }

  bool sequence(const Node& node, std::size_t i, std::size_t at, const Then& then) const {
    if (i == node.nodes.size()) return then(at);
    return match(node.nodes[i], at,
                 [&](std::size_t next) { return sequence(node, i + 1, next, then); });
  }

  bool repeat(const Node& node, std::size_t n, std::size_t at, const Then& then) const {
    const auto again = [&](std::size_t next) {
      return next > at && repeat(node, n + 1, next, then);
    };
    if (n < node.most && match(node.nodes[0], at, again)) return true;
    return n >= node.least && then(at);
  }

  std::u32string_view text_;
};

}  // namespace

char category(char32_t code_point) {
  static const std::vector<char> categories = read_categories();
  return categories.at(code_point);
}

bool is_white_space(char32_t c) {
  constexpr std::u32string_view kOthers = U" \u0085\u00A0\u1680\u2028\u2029\u202F\u205F\u3000";
  return (c >= 9 && c <= 13) || (c >= 0x2000 && c <= 0x200A) || kOthers.find(c) != kOthers.npos;
}

SlowRegex::SlowRegex(std::string_view pattern)
    : root_(std::make_unique<const Node>(Parser(pattern).alternatives())) {}
SlowRegex::~SlowRegex() = default;
SlowRegex::SlowRegex(SlowRegex&&) noexcept = default;

std::vector<std::u32string> SlowRegex::split(std::u32string_view text) const {
  std::vector<std::u32string> pieces;
  std::u32string gap;
  const auto add = [&](std::u32string_view piece) {
    if (!piece.empty()) pieces.emplace_back(piece);
  };
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    Matcher(text).match(*root_, at, [&](std::size_t e) {
      end = e;
      return true;
    });
    if (end == at) {
      gap += text[at++];
      continue;
    }
    add(std::exchange(gap, {}));
    add(text.substr(at, end - at));
    at = end;
  }
  add(gap);
  return pieces;
}

std::string utf8(std::u32string_view text) {
  std::string out;
  for (const char32_t c : text) {
    const auto continuation = [&](int shift) {
      out += static_cast<char>(0x80 | (c >> shift & 0x3F));
    };
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else if (c < 0x800) {
      out += static_cast<char>(0xC0 | c >> 6);
    } else if (c < 0x10000) {
      out += static_cast<char>(0xE0 | c >> 12);
    } else {
      out += static_cast<char>(0xF0 | c >> 18);
      continuation(12);
    }
    if (c >= 0x800) continuation(6);
    if (c >= 0x80) continuation(0);
  }
  return out;
}

}  // namespace eddy::test
