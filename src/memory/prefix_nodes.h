// The nodes of the prefix tree: edges of tokens, found by parent and first token, and their bytes.
//
// A compressed radix tree whose edges are at most kMaxEdge tokens long: a longer edge is a chain of
// nodes. So splitting copies at most kMaxEdge tokens, and no request can make it cost more.
// Ownership is flat (a table of all nodes), so nothing recurses, however deep a path is.
//
// Invariants; check() of PrefixTree verifies them:
//   N1  A node is found by the number of its parent and the first token of its edge; siblings begin
//       with different tokens. end = the parent's end + the edge's length.
//   N2  No node without an entry has an only child that would fit on its edge (unless memory ended
//       when they were to be merged).
//   N3  A root's edge is empty and its end 0; every other edge has 1 .. kMaxEdge tokens.
//   N4  n_bytes() is what nodes, edges, table and keys own, with the allocator's overhead.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/checksum.h"
#include "base/dtype.h"
#include "eddy/types.h"
#include "memory/capture_plan.h"
#include "memory/retention.h"
#include "memory/state_layout.h"

namespace eddy {

// What states must agree in before their tokens are compared: each key has a tree of its own.
struct PrefixKey {
  ModelIdentity model;
  DType type_r = DType::kF32;
  DType type_s = DType::kF32;
  DType type_kv = DType::kF32;
  Digest128 init_state;  // of the state before the first token; zeros: it is zeros
  std::string salt;      // of the tenant: what one may know of another's prompts is nothing

  bool operator==(const PrefixKey&) const = default;
  bool operator<(const PrefixKey& other) const;
};

enum class Tier : std::uint8_t { kCell, kHost };
inline constexpr std::size_t kNTiers = 2;

// A stored state, as its owner describes it.
struct PrefixEntry {
  EntryId id = {};  // not in use for another one
  Tier tier = Tier::kCell;
  CaptureKind kind = CaptureKind::kPrompt;
  std::uint32_t n_turns = 1;  // that have begun on its path
  bool has_logits = false;    // of the last token: an exact repeat computes nothing
  std::uint64_t n_bytes = 0;  // really owned
  double ms_per_token = 1;    // measured: computing a token of this prompt
};

struct PrefixNode {
  std::uint64_t number = 0;        // its own, never used again
  const PrefixKey* key = nullptr;  // of a root
  PrefixNode* parent = nullptr;    // of any other
  PrefixNode* first_child = nullptr;
  PrefixNode* previous = nullptr;  // siblings
  PrefixNode* next = nullptr;
  Pos end = 0;  // tokens from the root to the end of its edge
  std::vector<Token> edge;

  Pos n_given_up = 0;  // the end of the last state on this edge that was evicted; 0: none
  std::uint64_t last_seen = 0;

  std::optional<PrefixEntry> entry;  // of the state at its end
  bool is_pinned = false;
  std::uint32_t n_uses = 0;
  std::uint64_t last_used = 0;

  Pos begin() const { return end - static_cast<Pos>(edge.size()); }
  bool has_one_child() const { return first_child && !first_child->next; }
};

class PrefixNodes {
 public:
  static constexpr std::size_t kMaxEdge = 256;

  PrefixNodes() = default;
  PrefixNodes(const PrefixNodes&) = delete;
  PrefixNodes& operator=(const PrefixNodes&) = delete;

  // The root of a key's tree; nullptr: nothing is known of the key.
  PrefixNode* root(const PrefixKey& key) const;
  PrefixNode& make_root(const PrefixKey& key);

  // The child whose edge begins with this token; nullptr: none.
  PrefixNode* child(const PrefixNode& parent, Token first) const;

  // Hangs a chain of nodes with these tokens, at least one, below a node that has no such child;
  // its last node. When an allocation fails (std::bad_alloc) nothing has changed.
  PrefixNode& append(PrefixNode& parent, std::span<const Token> tokens);

  // Cuts a node's edge after n tokens, 1 .. length - 1; the new node, which is the upper part. The
  // node itself stays the lower part. When an allocation fails nothing has changed.
  PrefixNode& split(PrefixNode& node, std::size_t n);

  // Merges a node without entry into its only child, if the edge holds both; else changes nothing.
  void merge(PrefixNode& node) noexcept;

  // Removes a node without children, or a key's root.
  void remove(PrefixNode& leaf) noexcept;

  std::uint64_t n_bytes() const;
  std::size_t n_nodes() const { return nodes_.size(); }

  // All nodes but roots, in no particular order; roots by key.
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (const auto& [name, node] : nodes_) visit(*node);
  }
  const std::map<PrefixKey, std::unique_ptr<PrefixNode>>& roots() const { return roots_; }

  // The bytes that a node owns, with its place in the table.
  static std::uint64_t bytes_of(const PrefixNode& node);

 private:
  struct Name {
    std::uint64_t parent;
    Token first;
    bool operator==(const Name&) const = default;
  };
  struct NameHash {
    std::size_t operator()(const Name& name) const noexcept;
  };
  static Name name_of(const PrefixNode& node) { return {node.parent->number, node.edge.front()}; }

  PrefixNode& add(PrefixNode& parent, std::vector<Token> edge);
  static void link(PrefixNode& node) noexcept;
  static void unlink(PrefixNode& node) noexcept;

  std::unordered_map<Name, std::unique_ptr<PrefixNode>, NameHash> nodes_;
  std::map<PrefixKey, std::unique_ptr<PrefixNode>> roots_;
  std::uint64_t n_made_ = 0;
  std::uint64_t n_node_bytes_ = 0;
  std::uint64_t n_root_bytes_ = 0;
};

// How many tokens two ranges begin with alike.
std::size_t n_common(std::span<const Token> a, std::span<const Token> b);

// What an allocation of n bytes takes from the machine, with the allocator's own words around it
// (glibc: 8 bytes, steps of 16, at least 32); 0 for none.
std::uint64_t allocated_bytes(std::uint64_t n);

}  // namespace eddy
