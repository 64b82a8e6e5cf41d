// Parking: the states of sequences that wait without a cell, as bytes in a store of states.
//
// I1  A name in the store is that of a sequence or more that wait; with the last of them it goes.
// I2  Sequences that were put together have one name, and the store has their bytes once.
//
// I3  There are no more bytes than may be, but for the one that comes while it is stored: who has
//     waited for longest goes, if need be, when it is.
//
// A folder is this process's alone while it is open. What a killed one has left there is worth
// nothing without its sessions, and is removed at the next opening.
//
// Threading: the engine's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/file_system.h"
#include "eddy/result.h"
#include "memory/recurrent_memory.h"
#include "memory/state_store.h"

namespace eddy {

class Parking {
 public:
  // In host memory.
  Parking();
  explicit Parking(std::unique_ptr<StateStore> store)
      : shelf_(std::make_shared<Shelf>(Shelf{std::move(store)})) {}

  // kInvalidArgument: the folder keeps other states too; the errors of DirStore::open and erase.
  // `fs` outlives the parking.
  static Result<Parking> in_folder(FileSystem& fs, const std::string& folder);

  void set_bytes_max(std::uint64_t n) { n_bytes_max_ = n; }

  // Keeps a state for its sequences, in place of what was kept for them. False: it is larger than
  // all that may be, or the store refused.
  bool put(const ParkRequest& request);

  // What is kept for a sequence; it stays kept. The errors of StateStore::get.
  Result<StoredState> get(SeqId seq);

  // Nothing is kept for the sequence any more.
  void forget(SeqId seq) { kept_.erase(seq); }

  // What is known of what is kept for a sequence.
  struct Facts {
    Pos n_tokens = 0;
    std::uint64_t n_bytes = 0;
  };
  std::optional<Facts> find(SeqId seq) const;
  std::uint64_t n_bytes() const { return shelf_->n_bytes; }  // of all

 private:
  struct Shelf {
    std::unique_ptr<StateStore> store;
    std::uint64_t n_bytes = 0;  // of all that is kept
  };
  // A name in the store. Its end is the name's.
  struct Kept {
    Kept(std::shared_ptr<Shelf> on, std::uint64_t order, const Facts& of);
    ~Kept();
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;

    std::shared_ptr<Shelf> shelf;
    std::uint64_t number;  // rises with time
    std::string name;
    Facts facts;
  };

  void drop_oldest();

  std::shared_ptr<Shelf> shelf_;
  std::unordered_map<SeqId, std::shared_ptr<const Kept>> kept_;
  std::uint64_t n_names_ = 0;  // ever
  std::uint64_t n_bytes_max_ = ~std::uint64_t{0};
};

}  // namespace eddy
