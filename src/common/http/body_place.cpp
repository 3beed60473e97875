#include "common/http/body_place.hpp"

#include <utility>

#include "common/http/session.hpp"

namespace genesis::http {

BodyPlace::BodyPlace(ServerShared& shared, ConnectionId id, const ConnectionTable::Peer& peer)
    : shared_(shared), id_(id), peer_(peer) {}

BodyPlace::~BodyPlace() {
  release();
}

void BodyPlace::release() {
  if (!std::exchange(is_taken_, false)) {
    return;
  }
  shared_.bodies.release(id_);
  const auto place = shared_.body_of_name.find(peer_.name);
  if (place != shared_.body_of_name.end() && place->second == id_) {
    shared_.body_of_name.erase(place);
  }
}

bool BodyPlace::take() {
  if (!peer_.name.empty()) {
    const auto place = shared_.body_of_name.try_emplace(peer_.name, id_).first;
    if (place->second != id_) {
      if (shared_.bodies.is_complete(place->second)) {
        return false;
      }
      shared_.sessions.at(place->second)
          ->give_up_body("a newer one of " + peer_.name + " has come");
      place->second = id_;
    }
  }
  is_taken_ = true;
  return true;
}

bool BodyPlace::grow(std::uint64_t bytes) {
  const auto& holder = peer_.name.empty() ? peer_.address : peer_.name;
  bool is_kept = true;
  for (const ConnectionId id : shared_.bodies.grow(id_, holder, bytes)) {
    is_kept = is_kept && id != id_;
    shared_.sessions.at(id)->give_up_body("the server holds as many bytes of bodies as it may");
  }
  return is_kept;
}

void BodyPlace::complete() {
  shared_.bodies.complete(id_);
}

}  // namespace genesis::http
