#include "memory/prefix_nodes.h"

#include <algorithm>
#include <new>
#include <tuple>
#include <utility>

namespace eddy {

std::uint64_t allocated_bytes(std::uint64_t n) {
  if (n == 0) return 0;
  return std::max<std::uint64_t>(32, (n + 8 + 15) / 16 * 16);
}

std::size_t n_common(std::span<const Token> a, std::span<const Token> b) {
  const auto end = a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size()));
  return static_cast<std::size_t>(std::mismatch(a.begin(), end, b.begin()).first - a.begin());
}

bool PrefixKey::operator<(const PrefixKey& other) const {
  const auto tie = [](const PrefixKey& key) {
    return std::tie(key.model.bytes, key.type_r, key.type_s, key.type_kv, key.init_state.low,
                    key.init_state.high, key.salt);
  };
  return tie(*this) < tie(other);
}

// Mixes all bits, so that neither numbers nor tokens chosen on purpose fall together.
std::size_t PrefixNodes::NameHash::operator()(const Name& name) const noexcept {
  std::uint64_t x = name.parent * 0x9e3779b97f4a7c15 + static_cast<std::uint32_t>(name.first.value);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

PrefixNode* PrefixNodes::root(const PrefixKey& key) const {
  const auto found = roots_.find(key);
  return found == roots_.end() ? nullptr : found->second.get();
}

namespace {

// A map's node: color, three links and the pair; the string beside it where it is long.
std::uint64_t root_bytes(const PrefixKey& key) {
  constexpr std::size_t kLinks = 4 * sizeof(void*);
  const std::size_t pair = sizeof(std::pair<const PrefixKey, std::unique_ptr<PrefixNode>>);
  const std::size_t inside = std::string().capacity();
  const std::size_t text = key.salt.size() > inside ? key.salt.capacity() + 1 : 0;
  return allocated_bytes(kLinks + pair) + allocated_bytes(text) +
         allocated_bytes(sizeof(PrefixNode));
}

}  // namespace

PrefixNode& PrefixNodes::make_root(const PrefixKey& key) {
  if (PrefixNode* found = root(key)) return *found;
  auto made = std::make_unique<PrefixNode>();
  made->number = ++n_made_;
  const auto [at, is_new] = roots_.emplace(key, std::move(made));
  at->second->key = &at->first;
  n_root_bytes_ += root_bytes(at->first);
  return *at->second;
}

PrefixNode* PrefixNodes::child(const PrefixNode& parent, Token first) const {
  const auto found = nodes_.find({parent.number, first});
  return found == nodes_.end() ? nullptr : found->second.get();
}

std::uint64_t PrefixNodes::bytes_of(const PrefixNode& node) {
  // The table's node: link, pair and hash.
  constexpr std::size_t kPlace =
      2 * sizeof(void*) + sizeof(std::pair<const Name, std::unique_ptr<PrefixNode>>);
  return allocated_bytes(sizeof(PrefixNode)) + allocated_bytes(kPlace) +
         allocated_bytes(node.edge.capacity() * sizeof(Token));
}

std::uint64_t PrefixNodes::n_bytes() const {
  const std::size_t n_buckets = nodes_.bucket_count();
  return n_node_bytes_ + n_root_bytes_ +
         (n_buckets > 1 ? allocated_bytes(n_buckets * sizeof(void*)) : 0);
}

void PrefixNodes::link(PrefixNode& node) noexcept {
  node.previous = nullptr;
  node.next = node.parent->first_child;
  if (node.next) node.next->previous = &node;
  node.parent->first_child = &node;
}

void PrefixNodes::unlink(PrefixNode& node) noexcept {
  if (node.next) node.next->previous = node.previous;
  (node.previous ? node.previous->next : node.parent->first_child) = node.next;
}

PrefixNode& PrefixNodes::add(PrefixNode& parent, std::vector<Token> edge) {
  auto made = std::make_unique<PrefixNode>();
  PrefixNode& node = *made;
  node.parent = &parent;
  node.edge = std::move(edge);
  nodes_.emplace(name_of(node), std::move(made));  // the last step that can fail
  node.number = ++n_made_;
  node.end = parent.end + static_cast<Pos>(node.edge.size());
  node.last_seen = parent.last_seen;
  link(node);
  n_node_bytes_ += bytes_of(node);
  return node;
}

PrefixNode& PrefixNodes::append(PrefixNode& parent, std::span<const Token> tokens) {
  PrefixNode* last = &parent;
  try {
    while (!tokens.empty()) {
      const auto edge = tokens.first(std::min(tokens.size(), kMaxEdge));
      last = &add(*last, std::vector<Token>(edge.begin(), edge.end()));
      tokens = tokens.subspan(edge.size());
    }
  } catch (const std::bad_alloc&) {
    while (last != &parent) remove(*std::exchange(last, last->parent));
    throw;
  }
  return *last;
}

PrefixNode& PrefixNodes::split(PrefixNode& node, std::size_t n) {
  const auto cut = node.edge.begin() + static_cast<std::ptrdiff_t>(n);
  std::vector<Token> lower(cut, node.edge.end());
  auto made = std::make_unique<PrefixNode>();
  PrefixNode& head = *made;
  head.edge.assign(node.edge.begin(), cut);
  head.number = n_made_ + 1;
  const auto place = nodes_.emplace(Name{head.number, lower.front()}, nullptr).first;
  // Nothing can fail from here on.
  ++n_made_;
  n_node_bytes_ -= bytes_of(node);
  head.parent = node.parent;
  head.end = node.begin() + static_cast<Pos>(n);
  head.last_seen = node.last_seen;
  if (node.n_given_up != 0 && node.n_given_up <= head.end) {
    head.n_given_up = std::exchange(node.n_given_up, 0);
  }
  unlink(node);
  link(head);
  auto& old_place = nodes_.find(name_of(node))->second;
  place->second = std::exchange(old_place, std::move(made));
  node.parent = &head;
  node.edge = std::move(lower);
  link(node);
  n_node_bytes_ += bytes_of(node) + bytes_of(head);
  return head;
}

void PrefixNodes::merge(PrefixNode& node) noexcept {
  if (!node.parent || node.entry || !node.has_one_child()) return;
  PrefixNode& child = *node.first_child;
  if (node.edge.size() + child.edge.size() > kMaxEdge) return;
  std::vector<Token> whole;
  try {
    whole.reserve(node.edge.size() + child.edge.size());
  } catch (const std::bad_alloc&) {
    return;  // two nodes do as well as one
  }
  whole.insert(whole.end(), node.edge.begin(), node.edge.end());
  whole.insert(whole.end(), child.edge.begin(), child.edge.end());
  n_node_bytes_ -= bytes_of(node) + bytes_of(child);
  const auto child_place = nodes_.find(name_of(child));
  auto& node_place = nodes_.find(name_of(node))->second;
  unlink(node);
  const auto removed = std::exchange(node_place, std::move(child_place->second));
  nodes_.erase(child_place);
  child.parent = node.parent;
  child.edge = std::move(whole);
  child.n_given_up = std::max(child.n_given_up, node.n_given_up);
  link(child);
  n_node_bytes_ += bytes_of(child);
}

void PrefixNodes::remove(PrefixNode& leaf) noexcept {
  if (!leaf.parent) {
    n_root_bytes_ -= root_bytes(*leaf.key);
    roots_.erase(roots_.find(*leaf.key));
    return;
  }
  n_node_bytes_ -= bytes_of(leaf);
  unlink(leaf);
  nodes_.erase(name_of(leaf));
}

}  // namespace eddy
