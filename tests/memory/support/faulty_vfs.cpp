#include "support/faulty_vfs.h"

#include <sqlite3.h>

#include <cstdlib>
#include <new>

namespace eddy::test {
namespace {

FaultyVfs* current = nullptr;  // SQLite gives its callbacks no room for it
sqlite3_vfs* real_vfs = nullptr;

struct File {
  sqlite3_file base;
  sqlite3_file* real;  // behind this struct, in the same memory
};

sqlite3_file* real_of(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }

int or_fails(int failure, auto call) {
  if (!current->starts_failing()) return call();
  return current->kind() == VfsFault::Kind::kFull ? SQLITE_FULL : failure;
}

int close(sqlite3_file* file) { return real_of(file)->pMethods->xClose(real_of(file)); }

int read(sqlite3_file* file, void* to, int n, sqlite3_int64 at) {
  return or_fails(SQLITE_IOERR_READ,
                  [&] { return real_of(file)->pMethods->xRead(real_of(file), to, n, at); });
}

int write(sqlite3_file* file, const void* from, int n, sqlite3_int64 at) {
  sqlite3_file* real = real_of(file);
  if (!current->starts_failing()) return real->pMethods->xWrite(real, from, n, at);
  if (current->kind() == VfsFault::Kind::kError) return SQLITE_IOERR_WRITE;
  (void)real->pMethods->xWrite(real, from, n / 2, at);
  return SQLITE_FULL;
}

int truncate(sqlite3_file* file, sqlite3_int64 n) {
  return or_fails(SQLITE_IOERR_TRUNCATE,
                  [&] { return real_of(file)->pMethods->xTruncate(real_of(file), n); });
}

int sync(sqlite3_file* file, int flags) {
  ++current->n_syncs;
  return or_fails(SQLITE_IOERR_FSYNC,
                  [&] { return real_of(file)->pMethods->xSync(real_of(file), flags); });
}

int file_size(sqlite3_file* file, sqlite3_int64* n) {
  return real_of(file)->pMethods->xFileSize(real_of(file), n);
}
int lock(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xLock(real_of(file), level);
}
int unlock(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
int check_reserved_lock(sqlite3_file* file, int* is_held) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), is_held);
}
int file_control(sqlite3_file* file, int what, void* data) {
  return real_of(file)->pMethods->xFileControl(real_of(file), what, data);
}
int sector_size(sqlite3_file* file) { return real_of(file)->pMethods->xSectorSize(real_of(file)); }
int characteristics(sqlite3_file* file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}
int shm_map(sqlite3_file* file, int page, int n, int extend, void volatile** at) {
  return or_fails(SQLITE_IOERR_SHMMAP, [&] {
    return real_of(file)->pMethods->xShmMap(real_of(file), page, n, extend, at);
  });
}
int shm_lock(sqlite3_file* file, int first, int n, int flags) {
  return real_of(file)->pMethods->xShmLock(real_of(file), first, n, flags);
}
void shm_barrier(sqlite3_file* file) { real_of(file)->pMethods->xShmBarrier(real_of(file)); }
int shm_unmap(sqlite3_file* file, int removes) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), removes);
}

const sqlite3_io_methods kMethods = {
    .iVersion = 2,
    .xClose = close,
    .xRead = read,
    .xWrite = write,
    .xTruncate = truncate,
    .xSync = sync,
    .xFileSize = file_size,
    .xLock = lock,
    .xUnlock = unlock,
    .xCheckReservedLock = check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* flags_out) {
  File* ours = new (file) File{};  // without methods, SQLite does not close it
  if (current->starts_failing()) return SQLITE_CANTOPEN;
  ours->real = reinterpret_cast<sqlite3_file*>(ours + 1);
  const int code = real_vfs->xOpen(real_vfs, name, ours->real, flags, flags_out);
  if (ours->real->pMethods != nullptr) ours->base.pMethods = &kMethods;
  return code;
}

int remove(sqlite3_vfs*, const char* name, int syncs) {
  return or_fails(SQLITE_IOERR_DELETE, [&] { return real_vfs->xDelete(real_vfs, name, syncs); });
}

sqlite3_vfs make_vfs() {
  sqlite3_vfs vfs = *real_vfs;
  vfs.szOsFile = static_cast<int>(sizeof(File)) + real_vfs->szOsFile;
  vfs.pNext = nullptr;
  vfs.zName = "faulty";
  vfs.xOpen = open;
  vfs.xDelete = remove;
  return vfs;
}

sqlite3_vfs& faulty() {
  static sqlite3_vfs vfs = make_vfs();
  return vfs;
}

}  // namespace

FaultyVfs::FaultyVfs(VfsFault fault) : fault_(fault) {
  if (current != nullptr) std::abort();
  sqlite3_initialize();
  if (real_vfs == nullptr) real_vfs = sqlite3_vfs_find(nullptr);
  current = this;
  sqlite3_vfs_register(&faulty(), 1);
}

FaultyVfs::~FaultyVfs() {
  sqlite3_vfs_unregister(&faulty());
  sqlite3_vfs_register(real_vfs, 1);
  current = nullptr;
}

bool FaultyVfs::starts_failing() {
  if (before_call) before_call();
  const std::int64_t number = n_calls_++;
  return fault_.first >= 0 && number >= fault_.first && number - fault_.first < fault_.n;
}

}  // namespace eddy::test
