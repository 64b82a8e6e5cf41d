// PrefixTree: the invariants, as tests verify them.
#include <unordered_set>

#include "base/error.h"
#include "memory/prefix_tree.h"

namespace eddy {
namespace {

std::string broken(const char* invariant, const PrefixNode& node) {
  return fmt::format("{}: node {} that ends at {}", invariant, node.number, node.end);
}

std::string check_node(const PrefixNodes& nodes, const PrefixNode& node) {
  if (!node.parent) return broken("no parent", node);
  if (node.edge.empty() || node.edge.size() > PrefixNodes::kMaxEdge) return broken("N3", node);
  if (nodes.child(*node.parent, node.edge.front()) != &node) return broken("N1", node);
  if (node.begin() != node.parent->end) return broken("N1: end", node);
  if (node.next && node.next->previous != &node) return broken("siblings", node);
  if (node.previous ? node.previous->next != &node : node.parent->first_child != &node) {
    return broken("siblings", node);
  }
  if (node.n_given_up != 0 && (node.n_given_up <= node.begin() || node.n_given_up > node.end)) {
    return broken("a state that was never on this edge", node);
  }
  const bool could_merge =
      !node.entry && node.has_one_child() &&
      node.edge.size() + node.first_child->edge.size() <= PrefixNodes::kMaxEdge;
  return could_merge ? broken("N2", node) : std::string();
}

}  // namespace

std::string PrefixTree::check() const {
  std::string found;
  std::uint64_t n_node_bytes = 0;
  std::size_t n_states = 0;
  std::array<std::uint64_t, kNTiers> n_tier{};
  nodes_.for_each([&](const PrefixNode& node) {
    if (found.empty()) found = check_node(nodes_, node);
    n_node_bytes += PrefixNodes::bytes_of(node);
    if (!node.entry) return;
    ++n_states;
    n_tier[static_cast<std::size_t>(node.entry->tier)] += node.entry->n_bytes;
    if (find(node.entry->id) != &node) found = broken("T1", node);
  });
  if (!found.empty()) return found;
  if (n_states != entries_.size()) return "T1: an id without a state";
  if (n_tier != n_tier_bytes_) return "T2: bytes of a tier";
  if (n_node_bytes > nodes_.n_bytes()) return "N4: bytes of nodes";
  for (const auto& [key, root] : nodes_.roots()) {
    if (root->parent || root->end != 0 || !root->edge.empty() || root->entry) return "N3: a root";
    if (!root->first_child) return "a root with nothing below it";
  }
  return {};
}

}  // namespace eddy
