target_sources(hpart PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/progress.c
  ${CMAKE_CURRENT_LIST_DIR}/log.c
  ${CMAKE_CURRENT_LIST_DIR}/chart.c
  ${CMAKE_CURRENT_LIST_DIR}/picture.c
  ${CMAKE_CURRENT_LIST_DIR}/report.c)
