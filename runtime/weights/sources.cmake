target_sources(hpart PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/read.c
  ${CMAKE_CURRENT_LIST_DIR}/write.c
  ${CMAKE_CURRENT_LIST_DIR}/initialize.c
  ${CMAKE_CURRENT_LIST_DIR}/match.c
  ${CMAKE_CURRENT_LIST_DIR}/stem.c
  ${CMAKE_CURRENT_LIST_DIR}/initial.c
  ${CMAKE_CURRENT_LIST_DIR}/store.c)
