#include "ghost.h"

namespace tiercel {

void Ghosts::SetCapacity(uint64_t capacity) {
  capacity_ = capacity < kMaxLength / 2 ? static_cast<uint32_t>(capacity) : kMaxLength / 2;
}

Ghosts::Path Ghosts::Follow(uint32_t hash) const {
  const uint64_t spread = SpreadHash(hash);
  const auto low = static_cast<uint32_t>(spread);
  const auto high = static_cast<uint32_t>(spread >> 32);
  return {table_.Find(low), table_.Find(high), 0x80 | (low >> 25)};
}

void Ghosts::Prefetch(uint32_t hash) const {
  if (size_ == 0) return;
  const Path path = Follow(hash);
  __builtin_prefetch(&table_[path.first]);
  __builtin_prefetch(&table_[path.second]);
}

void Ghosts::Add(uint32_t hash, uint32_t print) {
  // More than one, so that they get fewer when the capacity did, and for places left behind.
  for (uint32_t i = 0; i < 64 && Length() != 0; i++) {
    if (size_ < capacity_) break;
    ForgetOldest();
  }
  Compact();
  if (capacity_ == 0) return;
  if (size_ + kSlack >= table_.size() * kLoad) GrowTable();
  if (table_.size() == 0 || !ReserveRing()) {
    if (Length() != 0) ForgetOldest();
    return;
  }
  At(next_) = hash;
  Insert(Follow(hash), print, next_++);
}

bool Ghosts::Remove(uint32_t hash, uint32_t print) {
  if (size_ == 0) return false;
  const Path path = Follow(hash);
  for (const uint32_t n : {path.first, path.second}) {
    for (uint32_t& cell : table_[n].cells) {
      if (Tag(cell) != (path.tag ^ print) || At(Place(cell)) != hash) continue;
      cell = 0;
      size_--;
      return true;
    }
  }
  return false;
}

void Ghosts::Clear() {
  for (; chunks_ != 0; oldest_ += kChunk) ReleaseChunk(oldest_);
  Free(spare_);
  Free(directory_);
  spare_ = nullptr;
  directory_ = nullptr;
  directory_size_ = chunks_ = oldest_ = next_ = size_ = 0;
  compacting_ = false;
  table_.Clear();
}

uint32_t* Ghosts::CellOf(uint32_t place) {
  const Path path = Follow(At(place));
  for (const uint32_t n : {path.first, path.second}) {
    for (uint32_t& cell : table_[n].cells) {
      if (cell != 0 && Place(cell) == Place(place)) return &cell;
    }
  }
  return nullptr;
}

void Ghosts::ForgetOldest() {
  if (uint32_t* cell = CellOf(oldest_)) {
    *cell = 0;
    size_--;
  }
  oldest_++;
  if (oldest_ % kChunk == 0) ReleaseChunk(oldest_ - 1);
}

void Ghosts::Compact() {
  if (!compacting_) {
    if (Length() <= size_ + size_ / 4 + kChunk) return;
    compacting_ = true;
    read_ = write_ = oldest_;
  }
  // What was forgotten meanwhile.
  if (read_ - oldest_ > Length()) read_ = oldest_;
  if (write_ - oldest_ > Length()) write_ = oldest_;
  for (uint32_t i = 0; i < kCompacted && read_ != next_; i++, read_++) {
    uint32_t* cell = CellOf(read_);
    if (cell == nullptr) continue;
    At(write_) = At(read_);
    *cell = (*cell & ~(kPlaces - 1)) | Place(write_);
    write_++;
  }
  if (read_ != next_) return;
  compacting_ = false;
  // The chunk of write_ stays unless it begins there.
  for (uint32_t end = (write_ + kChunk - 1) & ~(kChunk - 1); next_ - write_ > end - write_;) {
    next_ = (next_ - 1) & ~(kChunk - 1);
    ReleaseChunk(next_);
  }
  next_ = write_;
}

void Ghosts::Insert(const Path& path, uint32_t print, uint32_t place) {
  const Vacancy first = Look(path.first);
  const Vacancy second = Look(path.second);
  uint32_t* cell = first.count >= second.count ? first.cell : second.cell;
  if (cell == nullptr) cell = MakeVacancy(path.first);
  if (cell == nullptr) cell = MakeVacancy(path.second);
  if (cell == nullptr) return;
  *cell = ((path.tag ^ print) << kPlaceBits) | Place(place);
  size_++;
}

Ghosts::Vacancy Ghosts::Look(uint32_t block) {
  Vacancy vacancy;
  for (uint32_t& cell : table_[block].cells) {
    if (cell != 0) continue;
    vacancy.cell = &cell;
    vacancy.count++;
  }
  return vacancy;
}

uint32_t* Ghosts::MakeVacancy(uint32_t block) {
  for (uint32_t& cell : table_[block].cells) {
    const Path path = Follow(At(Place(cell)));
    const Vacancy other = Look(path.first == block ? path.second : path.first);
    if (other.cell == nullptr) continue;
    *other.cell = cell;
    return &cell;
  }
  return nullptr;
}

void Ghosts::GrowTable() {
  if (!table_.Grow()) return;
  Block& added = table_[table_.size() - 1];
  for (uint32_t& cell : table_[table_.Parent()].cells) {
    if (cell == 0) continue;
    const Path path = Follow(At(Place(cell)));
    if (path.first == table_.Parent() || path.second == table_.Parent()) continue;
    added.cells[&cell - table_[table_.Parent()].cells] = cell;
    cell = 0;
  }
}

bool Ghosts::ReserveRing() {
  if (next_ % kChunk != 0) return true;
  if (chunks_ == directory_size_ && !GrowDirectory()) return false;
  uint32_t*& chunk = directory_[(next_ >> kChunkBits) & (directory_size_ - 1)];
  chunk = spare_ != nullptr ? spare_ : static_cast<uint32_t*>(Allocate(kChunk * sizeof(uint32_t)));
  spare_ = nullptr;
  if (chunk == nullptr) return false;
  chunks_++;
  return true;
}

bool Ghosts::GrowDirectory() {
  const uint32_t size = directory_size_ == 0 ? 4 : directory_size_ * 2;
  auto** directory = static_cast<uint32_t**>(Allocate(size * sizeof(uint32_t*)));
  if (directory == nullptr) return false;
  for (uint32_t i = 0; i < directory_size_; i++) {
    const uint32_t number = (oldest_ >> kChunkBits) + i;
    directory[number & (size - 1)] = directory_[number & (directory_size_ - 1)];
  }
  Free(directory_);
  directory_ = directory;
  directory_size_ = size;
  return true;
}

void Ghosts::ReleaseChunk(uint32_t place) {
  Free(spare_);
  spare_ = directory_[(place >> kChunkBits) & (directory_size_ - 1)];
  chunks_--;
}

}  // namespace tiercel
